import type { Argv } from "yargs";
import { findRunning } from "../dev/state-file.ts";
import { timeoutMs, timeoutOption } from "../terminal/duration.ts";
import { tellOnce } from "../terminal/output.ts";
import { tellTrouble } from "../terminal/trouble.ts";

const kafkaAddress = "localhost:9092";
/** Within this long a broker that lives takes a connection and says what it speaks. */
const connectTimeoutMsMax = 3000;

export type KafkaOptions = { brokers: string | undefined; timeout: string };

export function kafkaOptions<T>(yargs: Argv<T>): Argv<T & KafkaOptions> {
  return yargs
    .option("brokers", {
      alias: "b",
      type: "string",
      describe: "host:port,… of any Kafka; else ODRADEK_BROKERS, the running `odradek dev`, or localhost:9092",
    })
    .option("timeout", timeoutOption);
}

/** Where to begin: the flag, the environment, the cluster of `odradek dev` from here upwards, Kafka's own port. */
export function bootstrapOf({ brokers }: KafkaOptions): string {
  const named = brokers ?? process.env["ODRADEK_BROKERS"];
  if (named !== undefined && named !== "") return named;
  const addresses = findRunning()
    ?.nodes.filter(({ role }) => role === "broker")
    .map(({ address }) => address);
  if (addresses && addresses.length > 0) return addresses.join(",");
  // Whose cluster that is, only the person at the terminal can know.
  tellOnce(`no cluster of \`odradek dev\` runs here and none is named: taking ${kafkaAddress}`);
  return kafkaAddress;
}

/** What every client of ours is made with; nothing outlives the given time. */
export function clientOptions(options: KafkaOptions) {
  const waitMsMax = timeoutMs(options.timeout);
  return {
    bootstrap: bootstrapOf(options),
    clientId: "odradek-cli",
    connectTimeoutMs: Math.min(connectTimeoutMsMax, waitMsMax),
    requestTimeoutMs: waitMsMax,
    operationTimeoutMs: waitMsMax,
    onTrouble: tellTrouble(),
  };
}
