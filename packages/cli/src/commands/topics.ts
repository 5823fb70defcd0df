import type { Argv, CommandModule } from "yargs";
import { electLeaders, type ElectOptions } from "../kafka/elect.ts";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { partitionCounts, partitionIds, replicationFactors, wholeNumber, wholeNumbers } from "../terminal/numbers.ts";
import { outputOptions, type OutputOptions } from "../terminal/output.ts";
import {
  alterTopic,
  createTopic,
  deleteTopics,
  describeTopics,
  listTopics,
  type AlterOptions,
  type CreateOptions,
  type DeleteOptions,
} from "../kafka/topics.ts";

type Common = KafkaOptions & OutputOptions;

// Options of the parent reach a subcommand's handler at run time; yargs' types do not say so.
const given = <T>(options: unknown): T => options as T;

export const topics: CommandModule<object, Common> = {
  command: ["topics", "topic"],
  describe: "list, create, describe, alter and delete topics, elect their leaders",
  builder: (yargs) =>
    outputOptions(kafkaOptions(yargs))
      .command(
        ["ls", "$0"],
        "list topics",
        (ls) => ls.option("internal", { type: "boolean", default: false, describe: "also the cluster's own topics" }),
        (options) => listTopics(given<Common & { internal: boolean }>(options)),
      )
      .command("describe <topics..>", "partitions, replicas, offsets and settings", names, (options) =>
        describeTopics(given<Common & { topics: string[] }>(options)),
      )
      .command("create <topics..>", "create topics", createArguments, (options) =>
        createTopic(given<Common & CreateOptions>(options)),
      )
      .command("alter <topic>", "change settings, or add partitions", alterArguments, (options) =>
        alterTopic(given<Common & AlterOptions>(options)),
      )
      .command("elect <topic>", "give leaderships back to the first replicas", electArguments, (options) =>
        electLeaders(given<Common & ElectOptions>(options)),
      )
      .command("delete <topics..>", "delete topics with all their records", deleteArguments, (options) =>
        deleteTopics(given<Common & DeleteOptions>(options)),
      ),
  handler: () => undefined,
};

const names = <T>(yargs: Argv<T>) => yargs.positional("topics", { type: "string", array: true, demandOption: true });

const createArguments = <T>(yargs: Argv<T>) =>
  names(yargs)
    .option("partitions", {
      ...wholeNumber("--partitions", partitionCounts),
      alias: "p",
      describe: "how many; else the cluster's default",
    })
    .option("replicas", {
      ...wholeNumber("--replicas", replicationFactors),
      alias: "r",
      describe: "replication factor; else the cluster's default",
    })
    .option("config", { alias: "c", type: "string", array: true, default: [], describe: "setting, key=value" })
    .option("if-not-exists", { type: "boolean", default: false, describe: "an existing topic is no failure" });

const alterArguments = <T>(yargs: Argv<T>) =>
  yargs
    .positional("topic", { type: "string", demandOption: true })
    .option("config", { alias: "c", type: "string", array: true, default: [], describe: "setting, key=value" })
    .option("unset", { type: "string", array: true, default: [], describe: "setting to take back to its default" })
    .option("partitions", {
      ...wholeNumber("--partitions", partitionCounts),
      alias: "p",
      describe: "new number of partitions; it can only grow",
    });

const electArguments = <T>(yargs: Argv<T>) =>
  yargs
    .positional("topic", { type: "string", demandOption: true })
    .option("partition", {
      ...wholeNumbers("--partition", partitionIds),
      alias: "p",
      describe: "only this one; may be repeated",
    })
    .option("unclean", {
      type: "boolean",
      default: false,
      describe: "where nobody leads, any replica that lives: acknowledged records may be lost",
    })
    .option("yes", { alias: "y", type: "boolean", default: false, describe: "do not ask before --unclean" });

const deleteArguments = <T>(yargs: Argv<T>) =>
  names(yargs)
    .option("yes", { alias: "y", type: "boolean", default: false, describe: "do not ask" })
    .option("if-exists", { type: "boolean", default: false, describe: "a missing topic is no failure" });
