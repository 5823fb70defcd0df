import type { Argv, CommandModule } from "yargs";
import {
  cancelMoves,
  executePlan,
  planMoves,
  showMoves,
  type ExecuteOptions,
  type PlanOptions,
  type StatusOptions,
} from "../kafka/reassign.ts";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { counts, nodeIds, wholeNumber, wholeNumbers } from "../terminal/numbers.ts";
import { outputOptions, type OutputOptions } from "../terminal/output.ts";

type Common = KafkaOptions & OutputOptions;

// Options of the parent reach a subcommand's handler at run time; yargs' types do not say so.
const given = <T>(options: unknown): T => options as T;

export const reassign: CommandModule<object, Common> = {
  command: "reassign",
  describe: "move partitions between brokers: drain one, spread to a new one",
  builder: (yargs) =>
    outputOptions(kafkaOptions(yargs))
      .command("plan [topics..]", "what would move; -o json > FILE for execute", planArguments, (options) =>
        planMoves(given<PlanOptions>(options)),
      )
      .command(
        "execute [file]",
        "begin the moves of a plan, which comes from stdin without a file",
        executeArguments,
        (options) => executePlan(given<ExecuteOptions>(options)),
      )
      .command(
        ["status", "$0"],
        "what is moving, and what it waits for; when nothing is, takes throttles away",
        waitArgument,
        (options) => showMoves(given<StatusOptions>(options)),
      )
      .command("cancel", "everything that is moving goes back, throttles are taken away", waitArgument, (options) =>
        cancelMoves(given<StatusOptions>(options)),
      ),
  handler: () => undefined,
};

const planArguments = <T>(yargs: Argv<T>) =>
  yargs
    .positional("topics", { type: "string", array: true, default: [] as string[] })
    .option("drain", {
      ...wholeNumbers("--drain", nodeIds),
      describe: "broker that no replica is to be left on; may be repeated",
    })
    .option("spread", {
      type: "boolean",
      default: false,
      describe: "even out replicas and leaders over all brokers, new ones too",
    });

const executeArguments = <T>(yargs: Argv<T>) =>
  waitArgument(yargs)
    .positional("file", { type: "string" })
    .option("throttle", {
      ...wholeNumber("--throttle", counts),
      describe: "bytes a second per broker for what is copied, until status or --wait sees that nothing moves any more",
    });

const waitArgument = <T>(yargs: Argv<T>) =>
  yargs.option("wait", { type: "boolean", default: false, describe: "until nothing is moving any more" });
