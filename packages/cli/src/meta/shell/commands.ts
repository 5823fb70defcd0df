import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { Failure } from "../../terminal/failure.ts";
import { counts, revisions, wholeNumber } from "../../terminal/numbers.ts";
import { print } from "../../terminal/output.ts";
import { within } from "../connection.ts";
import { parseSince, printLog, readLog } from "../log.ts";
import { showList, showNode, showStat, showTree } from "../nodes.ts";
import { nodeOrFail, readerOf } from "../past.ts";
import { follow } from "../watch.ts";
import { createNode, removeNode, setNode } from "../writes.ts";
import { pathAt, type Place } from "./place.ts";

type Options = Readonly<Record<string, string | boolean | undefined>>;

export type ShellCommand = {
  /** What may stand behind the name; `…` of words is checked against `words`. */
  usage: string;
  does: string;
  options: ParseArgsOptionsConfig;
  /** How many words besides options. */
  words: { min: number; max: number };
  /** Runs without a deadline. */
  isEndless?: true;
  run(place: Place, words: readonly string[], options: Options): Promise<void> | void;
};

const depthMax = 100;
const rev = { rev: { type: "string" } } as const;
const atVersion = { "at-version": { type: "string" } } as const;

/** All commands of the shell; `help` and `quit` belong to its loop. */
export const shellCommands: Readonly<Record<string, ShellCommand>> = {
  ls: {
    usage: "[path] [--rev N]",
    does: "children of a node",
    options: rev,
    words: { min: 0, max: 1 },
    run: (place, [word], options) => showList(reader(place, options), pathAt(place, word), place.output),
  },
  cd: {
    usage: "[path]",
    does: "go to a node; without a path, to /",
    options: {},
    words: { min: 0, max: 1 },
    async run(place, [word = "/"]) {
      const { path } = await nodeOrFail(readerOf(place.session, undefined), pathAt(place, word));
      place.directory = path;
    },
  },
  get: {
    usage: "[path] [--rev N]",
    does: "what a node holds",
    options: rev,
    words: { min: 0, max: 1 },
    run: async (place, [word], options) =>
      showNode(await nodeOrFail(reader(place, options), pathAt(place, word)), place.output),
  },
  stat: {
    usage: "[path] [--rev N]",
    does: "its version, revisions and owner",
    options: rev,
    words: { min: 0, max: 1 },
    run: async (place, [word], options) => showStat(await nodeOrFail(reader(place, options), pathAt(place, word))),
  },
  tree: {
    usage: "[path] [--rev N]",
    does: "a node and everything below it",
    options: rev,
    words: { min: 0, max: 1 },
    run: (place, [word], options) => showTree(reader(place, options), pathAt(place, word), depthMax, place.output),
  },
  watch: {
    usage: "[path] [-n N] [--from-rev N]",
    does: "changes as they happen, until Ctrl-C or N of them",
    options: { count: { type: "string", short: "n" }, "from-rev": { type: "string" } },
    words: { min: 0, max: 1 },
    isEndless: true,
    async run(place, [word], options) {
      const count = number(options, "count", counts);
      const fromRevision = number(options, "from-rev", revisions);
      const range = { ...place.output, path: pathAt(place, word), recursive: true, count, "from-rev": fromRevision };
      await follow(place.session, range, place.interruption);
    },
  },
  set: {
    usage: "path value [--at-version N]",
    does: "replace what a node holds",
    options: atVersion,
    words: { min: 2, max: 2 },
    run: (place, [word, value], options) =>
      setNode(place.session, {
        path: pathAt(place, word),
        value: value!,
        "at-version": number(options, "at-version", counts),
      }),
  },
  create: {
    usage: "path [value] [-s] [-p]",
    does: "make a node; -s: with the next number, -p: with missing parents",
    options: { sequential: { type: "boolean", short: "s" }, parents: { type: "boolean", short: "p" } },
    words: { min: 1, max: 2 },
    run: (place, [word, value = ""], { sequential = false, parents = false }) =>
      createNode(place.session, {
        // A sequential name may end in "/-", which is part of it; only the way there is resolved.
        path: pathAt(place, word),
        value,
        sequential: sequential === true,
        parents: parents === true,
      }),
  },
  rm: {
    usage: "path [-r] [--at-version N]",
    does: "delete a node; -r: with everything below it",
    options: { recursive: { type: "boolean", short: "r" }, ...atVersion },
    words: { min: 1, max: 1 },
    run: (place, [word], options) =>
      removeNode(place.session, {
        path: pathAt(place, word),
        recursive: options["recursive"] === true,
        "at-version": number(options, "at-version", counts),
      }),
  },
  history: {
    usage: "[path] [--since 10m|N]",
    does: "who changed what: by time, or after a revision",
    options: { since: { type: "string" } },
    words: { min: 0, max: 1 },
    async run(place, [word], { since }) {
      const from = parseSince(typeof since === "string" ? since : undefined, Date.now());
      await printLog(await readLog(place.session, pathAt(place, word), from), place.output);
    },
  },
};

/** Runs one command. Throws a Failure that says how it is used when the words do not fit. */
export async function runCommand(place: Place, name: string, args: readonly string[]): Promise<void> {
  const command = Object.hasOwn(shellCommands, name) ? shellCommands[name] : undefined;
  if (!command) throw new Failure("usage", `no command is called ${name}; help lists them`);
  const { words, options } = parsed(name, command, args);
  const running = Promise.resolve(command.run(place, words, options));
  await (command.isEndless ? running : within(running, place.timeoutMs));
}

export function help(): Promise<void> {
  const commands = Object.entries(shellCommands).map(([name, { usage, does }]) => [`${name} ${usage}`, does] as const);
  const own = [["help", "this list"] as const, ["quit", "leave; Ctrl-D too"] as const];
  return print([...commands, ...own].map(([usage, does]) => `  ${usage.padEnd(36)}${does}\n`).join(""));
}

function parsed(name: string, command: ShellCommand, args: readonly string[]) {
  const { min, max } = command.words;
  // Not strict: what does not fit is said in the words of `odradek meta`.
  const {
    positionals: words,
    values,
    tokens,
  } = parseArgs({ args: [...args], options: command.options, allowPositionals: true, strict: false, tokens: true });
  const wrong = tokens.flatMap((token) => (token.kind === "option" ? wrongOption(command.options, token) : []))[0];
  if (wrong !== undefined) throw new Failure("usage", `${wrong}; usage: ${name} ${command.usage}`);
  if (words.length >= min && words.length <= max) return { words, options: values as Options };
  throw new Failure("usage", `usage: ${name} ${command.usage}`);
}

type GivenOption = { name: string; rawName: string; value: string | undefined };

function wrongOption(options: ParseArgsOptionsConfig, { name, rawName, value }: GivenOption): string[] {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (!option) return [`Unknown argument: ${name}`];
  if (option.type === "string") return value === undefined ? [`Not enough arguments following: ${name}`] : [];
  return value === undefined ? [] : [`${rawName} takes no value`];
}

const reader = (place: Place, options: Options) => readerOf(place.session, number(options, "rev", revisions));

function number(options: Options, name: string, range: Parameters<typeof wholeNumber>[1]): number | undefined {
  const text = options[name];
  return text === undefined ? undefined : wholeNumber(`--${name}`, range).coerce(Number(text));
}
