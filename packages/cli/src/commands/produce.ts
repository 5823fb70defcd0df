import type { CommandModule } from "yargs";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import type { ProduceOptions } from "../kafka/produce.ts";
import { partitionIds, wholeNumber } from "../terminal/numbers.ts";

export const produce: CommandModule<object, KafkaOptions & ProduceOptions> = {
  command: "produce <topic> [values..]",
  describe: "write records: the given values, or each line of stdin",
  builder: (yargs) =>
    kafkaOptions(yargs)
      .positional("topic", { type: "string", demandOption: true })
      .positional("values", { type: "string", array: true, default: [] as string[] })
      .option("key", { alias: "k", type: "string", describe: "key of every record" })
      .option("key-delimiter", { alias: "K", type: "string", describe: "what stands between key and value in a line" })
      .option("header", { alias: "H", type: "string", array: true, default: [] as string[], describe: "name:value" })
      .option("partition", {
        ...wholeNumber("--partition", partitionIds),
        alias: "p",
        describe: "else chosen by the key",
      })
      .option("timeout", { type: "string", default: "15s", describe: "how long to try for each record" })
      .option("acks", { choices: ["all", "1", "0"] as const, default: "all" as const, describe: "who must have it" })
      .option("compression", {
        alias: "z",
        choices: ["none", "gzip", "snappy", "lz4", "zstd"] as const,
        default: "none" as const,
      })
      .option("output", {
        alias: "o",
        choices: ["none", "json"] as const,
        default: "none" as const,
        describe: "offsets",
      }),
  async handler(options) {
    const { runProduce } = await import("../kafka/produce.ts");
    await runProduce(options);
  },
};
