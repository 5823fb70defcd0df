import type { CommandModule } from "yargs";
import { defaultDataDir } from "../dev/state-file.ts";
import { Failure } from "../terminal/failure.ts";
import { ports, wholeNumber } from "../terminal/numbers.ts";

/** Every node is a process of its own on this machine. */
const brokersMax = 100;
const kafkaPort = 9092;

type Arguments = {
  brokers: number;
  metadata: number;
  "data-dir": string;
  port: number | undefined;
  "any-port": boolean;
  ephemeral: boolean;
  set: string[];
};

export const dev: CommandModule<object, Arguments> = {
  command: "dev",
  describe: "run a cluster on this machine: metadata nodes and brokers as real processes",
  builder: (yargs) =>
    yargs
      .option("brokers", {
        ...wholeNumber("--brokers", { min: 1, max: brokersMax }),
        default: 3,
        describe: "how many brokers",
      })
      .option("metadata", { type: "number", default: 3, coerce: metadataCount, describe: "metadata nodes: 1, 3 or 5" })
      .option("data-dir", {
        type: "string",
        default: defaultDataDir,
        describe: "where data, logs and the state file go",
      })
      .option("port", {
        ...wholeNumber("--port", ports),
        describe: `Kafka port of broker 1, else ${kafkaPort}; the others follow`,
      })
      .option("any-port", { type: "boolean", default: false, describe: "take all ports from the system" })
      .option("ephemeral", { type: "boolean", default: false, describe: "forget all data when the cluster stops" })
      .option("set", {
        type: "string",
        array: true,
        default: [],
        describe:
          "broker setting, key=value; may be repeated. log.dirs=A,B gives broker N the directories A/broker-N,B/broker-N; " +
          "ids, addresses and ports are refused, each node has its own",
      }),
  async handler(options) {
    if (options.port !== undefined && options["any-port"])
      throw new Failure("usage", "--port names the ports and --any-port leaves them to the system: give one of them");
    const { runDev } = await import("../dev/run.ts");
    await runDev({
      brokers: options.brokers,
      metadata: options.metadata,
      dataDir: options["data-dir"],
      port: options.port ?? kafkaPort,
      anyPort: options["any-port"],
      ephemeral: options.ephemeral,
      settings: options.set,
    });
  },
};

function metadataCount(value: unknown): number {
  if (value === 1 || value === 3 || value === 5) return value;
  throw new Failure(
    "usage",
    "--metadata takes 1, 3 or 5: an even number survives no more deaths than the odd one below",
  );
}
