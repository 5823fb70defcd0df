import type { CommandModule } from "yargs";
import { describeGroup, lagOfGroups, listGroups } from "../kafka/groups.ts";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { outputOptions, type OutputOptions } from "../terminal/output.ts";

type Common = KafkaOptions & OutputOptions;

// Options of the parent reach a subcommand's handler at run time; yargs' types do not say so.
const given = <T>(options: unknown): T => options as T;

export const groups: CommandModule<object, Common> = {
  command: ["groups", "group"],
  describe: "consumer groups, their members and how far behind they are",
  builder: (yargs) =>
    outputOptions(kafkaOptions(yargs))
      .command(["ls", "$0"], "list groups", {}, (options) => listGroups(given<Common>(options)))
      .command(
        "describe <group>",
        "state and members of a group",
        (describe) => describe.positional("group", { type: "string", demandOption: true }),
        (options) => describeGroup(given<Common & { group: string }>(options)),
      )
      .command(
        "lag [groups..]",
        "committed offset, end and distance per partition; all groups without a name",
        (lag) => lag.positional("groups", { type: "string", array: true, default: [] as string[] }),
        (options) => lagOfGroups(given<Common & { groups: string[] }>(options)),
      ),
  handler: () => undefined,
};
