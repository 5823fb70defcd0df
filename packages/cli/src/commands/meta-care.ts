import type { Argv } from "yargs";
import * as members from "../meta/members.ts";
import { replaceMember } from "../meta/replace.ts";
import * as snapshot from "../meta/snapshot.ts";
import { nodeIds, revisions, wholeNumber } from "../terminal/numbers.ts";

// As in meta.ts: options of the parent reach the handler at run time only.
const given = <T>(options: unknown): T => options as T;

const idOption = { ...wholeNumber("the id", nodeIds), demandOption: true, describe: "of the member" } as const;
const memberId = wholeNumber("the id", nodeIds);

/** Care of the quorum itself: who belongs to it, who leads it, how much of the past it keeps. */
export const careCommands = <T>(yargs: Argv<T>) =>
  yargs
    .command("members", "who belongs to the quorum, and changes of it, one at a time", memberCommands, () => undefined)
    .command(
      "transfer [id]",
      "let another member lead",
      (each) => each.positional("id", { ...memberId, describe: "a voter; else the one that is furthest" }),
      (options) => members.transfer(given<Parameters<typeof members.transfer>[0]>(options)),
    )
    .command("snapshot", "the whole store as a file", snapshotCommands, () => undefined)
    .command(
      "compact",
      "forget the past",
      (each) =>
        each.option("rev", {
          ...wholeNumber("--rev", { ...revisions, min: 1 }),
          describe: "up to this revision; else to now",
        }),
      (options) => members.compact(given<Parameters<typeof members.compact>[0]>(options)),
    );

const fileOption = { type: "string", demandOption: true, describe: "of the snapshot" } as const;

const snapshotCommands = (yargs: Argv) =>
  yargs
    .command(
      "save <file>",
      "what the leader has now",
      (save) => save.positional("file", fileOption),
      (options) => snapshot.save(given<Parameters<typeof snapshot.save>[0]>(options)),
    )
    .command(
      "verify <file>",
      "read all of it, and tell what is in it",
      (verify) => verify.positional("file", fileOption),
      (options) => snapshot.verify(given<Parameters<typeof snapshot.verify>[0]>(options)),
    )
    .command(
      "restore <file>",
      "found a new cluster that begins with it",
      (restore) =>
        restore
          .positional("file", fileOption)
          .option("data-dir", { type: "string", demandOption: true, describe: "gets metadata-1, metadata-2 …" })
          .option("members", { type: "string", default: "1,2,3", describe: "ids of the founders" }),
      (options) => snapshot.restore(given<Parameters<typeof snapshot.restore>[0]>(options)),
    )
    .command(
      "rescue <directory> <file>",
      "the last resort: what a stopped member had, when a majority has lost its disks",
      (rescue) =>
        rescue
          .positional("directory", { type: "string", demandOption: true, describe: "its data directory" })
          .positional("file", fileOption),
      (options) => snapshot.rescue(given<Parameters<typeof snapshot.rescue>[0]>(options)),
    )
    .demandCommand(1, "save, verify, restore or rescue?");

const memberCommands = (yargs: Argv) =>
  yargs
    .command(["ls", "$0"], "all members", {}, (options) =>
      members.listMembers(given<Parameters<typeof members.listMembers>[0]>(options)),
    )
    .command(
      "add <id> <address>",
      "a learner, which gets everything and does not vote",
      (add) => add.positional("id", idOption).positional("address", { type: "string", demandOption: true }),
      (options) => members.addMember(given<Parameters<typeof members.addMember>[0]>(options)),
    )
    .command(
      "promote <id>",
      "let a learner vote, once it has caught up",
      (promote) => promote.positional("id", idOption),
      (options) => members.promoteMember(given<Parameters<typeof members.promoteMember>[0]>(options)),
    )
    .command(
      "replace <id>",
      "add another member, wait until it has everything, let it vote, and remove this one",
      (replace) =>
        replace
          .positional("id", idOption)
          .option("with", { ...memberId, demandOption: true, describe: "id of the new member, started with --join" })
          .option("address", { type: "string", demandOption: true, describe: "of the new member" })
          .option("yes", { alias: "y", type: "boolean", default: false, describe: "do not ask" }),
      (options) => replaceMember(given<Parameters<typeof replaceMember>[0]>(options)),
    )
    .command(
      "remove <id>",
      "a voter or a learner",
      (remove) =>
        remove
          .positional("id", idOption)
          .option("yes", { alias: "y", type: "boolean", default: false, describe: "do not ask" }),
      (options) => members.removeMember(given<Parameters<typeof members.removeMember>[0]>(options)),
    );
