import { statSync } from "node:fs";
import { parseArgs } from "node:util";

/** One option of a script: what it takes, and what it is when it is not given. */
export type Option<T> = {
  /** In words, for whoever gave something else; null: it takes nothing, being there is all it says. */
  takes: string | null;
  absent: T;
  /** Undefined: the text does not fit. */
  read: (text: string) => T | undefined;
};

type Options = Readonly<Record<string, Option<unknown>>>;

type Values<O extends Options> = { [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/** How a script may be called. */
export type CommandLine<W, O extends Options> = {
  usage: string;
  /** The one word that stands besides the options, which must be given. */
  word?: Option<W>;
  options: O;
};

/** What cannot be done as it was asked for; the message names what was wrong. */
export class UsageError extends Error {}

export function flag(): Option<boolean> {
  return { takes: null, absent: false, read: () => true };
}

export function text<A>(absent: A): Option<string | A> {
  return { takes: "a text", absent, read: (given) => given };
}

export function whole<A>(range: { min: number; max?: number }, absent: A): Option<number | A> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  const read = (given: string) => {
    const value = /^-?\d+$/.test(given) ? Number(given) : NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return { takes: `a whole number from ${min}${range.max === undefined ? " on" : ` to ${max}`}`, absent, read };
}

/** How many of something are wanted, and the first seed of a run: none would be a run in which nothing happens. */
export const count = <A>(absent: A): Option<number | A> => whole({ min: 1 }, absent);

/** Whole numbers with commas between them; an empty text is an empty list. */
export function wholes<A>(absent: A): Option<number[] | A> {
  const read = (given: string) =>
    given === "" ? [] : /^\d+(,\d+)*$/.test(given) ? given.split(",").map(Number) : undefined;
  return { takes: "whole numbers with commas between them", absent, read };
}

/** A duration in seconds, for example. */
export function positive<A>(absent: A): Option<number | A> {
  const read = (given: string) => (Number(given) > 0 && Number.isFinite(Number(given)) ? Number(given) : undefined);
  return { takes: "a number greater than 0", absent, read };
}

export function oneOf<const N extends string, const A>(names: readonly N[], absent: A): Option<N | A> {
  return { takes: `one of ${names.join(", ")}`, absent, read: (given) => names.find((name) => name === given) };
}

export function someOf<N extends string, A>(names: readonly N[], absent: A): Option<N[] | A> {
  const read = (given: string) => {
    const chosen = given.split(",");
    return chosen.every((one) => names.some((name) => name === one)) ? (chosen as N[]) : undefined;
  };
  return { takes: `some of ${names.join(", ")}, with commas between them`, absent, read };
}

export function pattern(absent: RegExp): Option<RegExp> {
  const read = (given: string) => {
    try {
      return new RegExp(given);
    } catch {
      return undefined;
    }
  };
  return { takes: "a regular expression", absent, read };
}

export function directory<A>(absent: A): Option<string | A> {
  const read = (given: string) => (statSync(given, { throwIfNoEntry: false })?.isDirectory() ? given : undefined);
  return { takes: "a directory that exists", absent, read };
}

/** Reads what a script was called with. Ends the process with `--help`, and with exit code 2 when it does not fit. */
export function readOptions<O extends Options, W = null>(
  commandLine: CommandLine<W, O>,
  args: readonly string[] = process.argv.slice(2),
): { word: W; options: Values<O> } {
  if (args.includes("--help")) {
    process.stdout.write(commandLine.usage);
    process.exit(0);
  }
  return orEnd(commandLine, () => parse(commandLine, args));
}

/** Does what may find that two options do not fit each other, and ends the process as an option that does not fit. */
export function orEnd<T>({ usage }: { usage: string }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

/** The value of one option. Throws a UsageError that names the option and what it takes. */
export function valueOf<T>(name: string, option: Option<T>, given: string): T {
  const value = option.read(given);
  if (value === undefined) throw new UsageError(`${name} takes ${option.takes}, not ${given === "" ? '""' : given}`);
  return value;
}

/** Throws a UsageError when the arguments do not fit. */
export function parse<O extends Options, W = null>(
  { word, options }: CommandLine<W, O>,
  args: readonly string[],
): { word: W; options: Values<O> } {
  const kinds = Object.entries(options).map(([name, { takes }]) => [
    name,
    { type: takes === null ? ("boolean" as const) : ("string" as const) },
  ]);
  // Not strict: its own words name neither the range nor what a negative number is doing there.
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(kinds),
    strict: false,
    tokens: true,
  });
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(options).map(([name, { absent }]) => [name, absent]),
  );
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(`there is no option ${token.rawName}`);
    if (option.takes === null && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    if (option.takes !== null && token.value === undefined)
      throw new UsageError(`${token.rawName} takes ${option.takes}`);
    values[token.name] = valueOf(token.rawName, option, token.value ?? "");
  }
  const [first, ...more] = words;
  const unexpected = word === undefined ? first : more[0];
  if (unexpected !== undefined) throw new UsageError(`what is ${unexpected}?`);
  if (word !== undefined && first === undefined) throw new UsageError(`a word is missing: ${word.takes}`);
  return {
    word: (word === undefined ? null : valueOf("the word", word, first!)) as W,
    options: values as Values<O>,
  };
}
