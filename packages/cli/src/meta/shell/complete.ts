import { join } from "../tree.ts";
import type { TreeReader } from "../past.ts";
import { shellCommands } from "./commands.ts";
import { pathAt } from "./place.ts";

/** What Tab offers: words to put in place of `part`, the end of the line. */
export type Completion = [offers: string[], part: string];

/** More names than this are offered without a look at each of them. */
const looksMax = 100;

const names = [...Object.keys(shellCommands), "help", "quit"];

/** Commands in the first place, then paths and options. Names with blanks or quotes are left to be typed. */
export async function complete(line: string, directory: string, tree: TreeReader): Promise<Completion> {
  const words = line.trimStart().split(/\s+/);
  const part = words.at(-1)!;
  if (words.length === 1) return [startingWith(part, names).map((name) => `${name} `), part];
  const command = Object.hasOwn(shellCommands, words[0]!) ? shellCommands[words[0]!] : undefined;
  if (!command) return [[], part];
  if (part.startsWith("-")) {
    const options = Object.keys(command.options).map((option) => `--${option}`);
    return [startingWith(part, options).map((option) => `${option} `), part];
  }
  const isFirst = words.slice(1, -1).every((word) => word.startsWith("-"));
  return [isFirst && command.words.max > 0 ? await paths(part, directory, tree) : [], part];
}

async function paths(part: string, directory: string, tree: TreeReader): Promise<string[]> {
  const typed = part.slice(0, part.lastIndexOf("/") + 1);
  const parent = pathAt({ directory }, typed === "" ? "." : typed);
  const children = (await tree.children(parent)).filter((name) => !/[\s'"\\]/.test(name));
  const found = startingWith(part.slice(typed.length), children);
  if (found.length > looksMax) return found.map((name) => typed + name);
  const nodes = await Promise.all(found.map((name) => tree.get(join(parent, name))));
  return found.map((name, at) => `${typed}${name}${nodes[at]?.childCount ? "/" : " "}`);
}

const startingWith = (part: string, all: readonly string[]): string[] => all.filter((each) => each.startsWith(part));
