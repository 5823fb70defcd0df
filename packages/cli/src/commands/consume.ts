import type { CommandModule } from "yargs";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { Failure } from "../terminal/failure.ts";
import { counts, partitionIds, wholeNumber, wholeNumbers } from "../terminal/numbers.ts";

type Arguments = KafkaOptions & {
  topics: string[];
  o: string[];
  count: number | undefined;
  exit: boolean;
  group: string | undefined;
  rack: string | undefined;
  format: string | undefined;
  partition: number[];
};

const outputs = ["json", "value"];

export const consume: CommandModule<object, Arguments> = {
  command: "consume <topics..>",
  describe: "read records",
  builder: (yargs) =>
    kafkaOptions(yargs)
      .positional("topics", { type: "string", array: true, demandOption: true })
      .option("o", {
        alias: ["offset", "output"],
        type: "string",
        array: true,
        default: [] as string[],
        describe: "where to begin: start (default), end, -N, N, @time; or `json` for one object per line",
        nargs: 1,
      })
      .option("count", { ...wholeNumber("--count", counts), alias: "n", describe: "end after this many records" })
      .option("exit", {
        alias: "e",
        type: "boolean",
        default: false,
        describe: "end where the topic ended at the start",
      })
      .option("group", { alias: "g", type: "string", describe: "read as a member of this group, and commit" })
      .option("rack", { type: "string", describe: "read from followers in this rack, where the brokers go by racks" })
      .option("format", { alias: "f", type: "string", describe: "%t %p %o %T %k %v %h, \\n" })
      .option("partition", {
        ...wholeNumbers("--partition", partitionIds),
        alias: "p",
        describe: "only this one; may be repeated",
      }),
  async handler(options) {
    const output = options.o.filter((word) => outputs.includes(word));
    const offsets = options.o.filter((word) => !outputs.includes(word));
    if (offsets.length > 1) throw new Failure("usage", `one place to begin, not ${offsets.join(" and ")}`);
    const { runConsume } = await import("../kafka/consume.ts");
    await runConsume({
      ...options,
      start: offsets[0] ?? "start",
      json: output.at(-1) === "json",
      countMax: options.count ?? Infinity,
      groupId: options.group,
      partitions: options.partition,
    });
  },
};
