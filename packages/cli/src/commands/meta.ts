import type { Argv, CommandModule } from "yargs";
import { log } from "../meta/log.ts";
import { treePath } from "../meta/path.ts";
import * as reads from "../meta/reads.ts";
import { metaOptions, type MetaOptions } from "../meta/target.ts";
import { shell } from "../meta/shell/run.ts";
import { watchTree } from "../meta/watch.ts";
import * as writes from "../meta/writes.ts";
import { careCommands } from "./meta-care.ts";
import { counts, levels, revisions, wholeNumber } from "../terminal/numbers.ts";
import { outputOptions, type OutputOptions } from "../terminal/output.ts";

type Common = MetaOptions & OutputOptions;

// Options of the parent reach a subcommand's handler at run time; yargs' types do not say so.
const given = <T>(options: unknown): T => options as T;

const pathOption = { type: "string", default: "/", coerce: treePath, describe: "/a/b" } as const;
const revOption = { ...wholeNumber("--rev", revisions), describe: "as it was at this revision" } as const;
const requiredPath = { type: "string", demandOption: true, coerce: treePath, describe: "/a/b" } as const;

export const meta: CommandModule<object, Common> = {
  command: "meta",
  describe: "look into the coordination store, and change it",
  builder: (yargs) =>
    careCommands(writeCommands(readCommands(outputOptions(metaOptions(yargs))))).demandCommand(
      1,
      "meta needs a command, such as `meta tree`",
    ),
  handler: () => undefined,
};

const readCommands = <T>(yargs: Argv<T>) =>
  yargs
    .command("status", "members, leader, term and revision", {}, (options) => reads.status(given<Common>(options)))
    .command("shell", "all of this at a prompt, or from a script on stdin", {}, (options) =>
      shell(given<Common>(options)),
    )
    .command("sessions", "open sessions and what they own", {}, (options) => reads.sessions(given<Common>(options)))
    .command(
      "ls [path]",
      "children of a node",
      (ls) => ls.positional("path", pathOption).option("rev", revOption),
      (options) => reads.list(given<Parameters<typeof reads.list>[0]>(options)),
    )
    .command(
      "tree [path]",
      "a node and everything below it",
      (tree) =>
        tree
          .positional("path", pathOption)
          .option("depth", {
            ...wholeNumber("--depth", levels),
            alias: "d",
            default: 100,
            describe: "levels below the first",
          })
          .option("rev", revOption),
      (options) => reads.tree(given<Parameters<typeof reads.tree>[0]>(options)),
    )
    .command(
      "get <path>",
      "what a node holds",
      (get) =>
        get
          .positional("path", requiredPath)
          .option("stat", { alias: "s", type: "boolean", default: false, describe: "version, revisions, owner too" })
          .option("rev", revOption),
      (options) => reads.get(given<Parameters<typeof reads.get>[0]>(options)),
    )
    .command(
      "log [path]",
      "who changed what, and when",
      (each) =>
        each
          .positional("path", pathOption)
          .option("since", { type: "string", describe: "10m ago, or after this revision" }),
      (options) => log(given<Parameters<typeof log>[0]>(options)),
    )
    .command(
      "watch [path]",
      "changes as they happen, one line each",
      (watch) =>
        watch
          .positional("path", pathOption)
          .option("recursive", { alias: "r", type: "boolean", default: true, describe: "with everything below" })
          .option("from-rev", { ...wholeNumber("--from-rev", revisions), describe: "the last revision already seen" })
          .option("count", { ...wholeNumber("--count", counts), alias: "n", describe: "end after this many changes" }),
      (options) => watchTree(given<Parameters<typeof watchTree>[0]>(options)),
    );

const writeCommands = <T>(yargs: Argv<T>) =>
  yargs
    .command(
      "set <path> <value>",
      "replace what a node holds",
      (set) =>
        set
          .positional("path", requiredPath)
          .positional("value", { type: "string", demandOption: true })
          .option("at-version", {
            ...wholeNumber("--at-version", counts),
            describe: "only if it has this version",
          }),
      (options) => writes.set(given<Parameters<typeof writes.set>[0]>(options)),
    )
    .command(
      "create <path> [value]",
      "make a node; its parent must exist",
      (create) =>
        create
          .positional("path", requiredPath)
          .positional("value", { type: "string", default: "" })
          .option("sequential", { alias: "s", type: "boolean", default: false, describe: "append the next number" })
          .option("parents", { alias: "p", type: "boolean", default: false, describe: "make missing parents too" }),
      (options) => writes.create(given<Parameters<typeof writes.create>[0]>(options)),
    )
    .command(
      "rm <path>",
      "delete a node",
      (rm) =>
        rm
          .positional("path", requiredPath)
          .option("recursive", { alias: "r", type: "boolean", default: false, describe: "with everything below" })
          .option("at-version", {
            ...wholeNumber("--at-version", counts),
            describe: "only if it has this version",
          })
          .option("yes", { alias: "y", type: "boolean", default: false, describe: "do not ask" }),
      (options) => writes.remove(given<Parameters<typeof writes.remove>[0]>(options)),
    );
