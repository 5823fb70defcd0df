import type { CommandModule } from "yargs";
import { defaultDataDir } from "../dev/state-file.ts";
import { Failure } from "../terminal/failure.ts";

type Arguments = {
  brokers: number;
  metadata: number;
  "data-dir": string;
  port: number;
  "any-port": boolean;
  ephemeral: boolean;
  set: string[];
};

export const dev: CommandModule<object, Arguments> = {
  command: "dev",
  describe: "run a cluster on this machine: metadata nodes and brokers as real processes",
  builder: (yargs) =>
    yargs
      .option("brokers", { type: "number", default: 3, describe: "how many brokers" })
      .option("metadata", { type: "number", default: 3, choices: [1, 3, 5], describe: "how many metadata nodes" })
      .option("data-dir", {
        type: "string",
        default: defaultDataDir,
        describe: "where data, logs and the state file go",
      })
      .option("port", { type: "number", default: 9092, describe: "Kafka port of broker 1; the others follow" })
      .option("any-port", { type: "boolean", default: false, describe: "take all ports from the system" })
      .option("ephemeral", { type: "boolean", default: false, describe: "forget all data when the cluster stops" })
      .option("set", {
        type: "string",
        array: true,
        default: [],
        describe: "broker setting, key=value; may be repeated",
      }),
  async handler(options) {
    if (!Number.isInteger(options.brokers) || options.brokers < 1 || options.brokers > 100)
      throw new Failure("usage", "--brokers is a number from 1 to 100");
    const { runDev } = await import("../dev/run.ts");
    await runDev({
      brokers: options.brokers,
      metadata: options.metadata,
      dataDir: options["data-dir"],
      port: options.port,
      anyPort: options["any-port"],
      ephemeral: options.ephemeral,
      settings: options.set,
    });
  },
};
