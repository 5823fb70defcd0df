import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { integerBelow, type Random } from "@odradek/kit";

import type { History } from "./history.ts";

const pageBytes = 4096;

/** Harms what stands in `directory` and says what it did. */
export type Injury = (directory: string, random: Random, history: History) => string;

const pick = <Item>(items: readonly Item[], random: Random): Item => items[integerBelow(random, items.length)]!;

/** LevelDB's files and the mark; the lock and LevelDB's own diary hold nothing. */
function filesIn(directory: string): string[] {
  const names = readdirSync(join(directory, "level")).filter((name) => name !== "LOCK" && !name.startsWith("LOG"));
  return [...names.map((name) => join("level", name)), "raft-mark"];
}

/** Changes the bytes of one file. */
const altering =
  (what: string, change: (bytes: Buffer, at: number, random: Random) => Buffer): Injury =>
  (directory, random) => {
    const name = pick(filesIn(directory), random);
    const bytes = readFileSync(join(directory, name));
    const at = integerBelow(random, Math.max(1, bytes.length));
    writeFileSync(join(directory, name), change(bytes, at, random));
    return `${what} ${name} at ${at} of ${bytes.length}`;
  };

function flip(bytes: Buffer, at: number, random: Random): Buffer {
  if (bytes.length > 0) bytes[at]! ^= 1 << integerBelow(random, 8);
  return bytes;
}

function manyFlips(bytes: Buffer, _at: number, random: Random): Buffer {
  for (let count = 2 + integerBelow(random, 30); count > 0 && bytes.length > 0; count--)
    flip(bytes, integerBelow(random, bytes.length), random);
  return bytes;
}

function zeroPage(bytes: Buffer, at: number): Buffer {
  const from = at - (at % pageBytes);
  bytes.fill(0, from, Math.min(bytes.length, from + pageBytes));
  return bytes;
}

/** The end of the file has its length, and never got its bytes. */
function shortWrite(bytes: Buffer, at: number, random: Random): Buffer {
  const from = Math.max(0, bytes.length - 1 - integerBelow(random, Math.min(2048, bytes.length || 1)));
  return bytes.fill(0, random.next() < 0.5 ? from : at);
}

function olderFile(directory: string, random: Random, history: History): string {
  const older = pick(history.older, random);
  const names = filesIn(directory).filter((name) => filesIn(older).includes(name));
  const name = pick(names, random);
  cpSync(join(older, name), join(directory, name));
  return `an older copy of ${name}`;
}

function swapFiles(directory: string, random: Random): string {
  const names = filesIn(directory).filter((name) => name.startsWith("level"));
  const one = pick(names, random);
  const other = pick(
    names.filter((name) => name !== one),
    random,
  );
  const [from, to, between] = [one, other, "between"].map((name) => join(directory, name)) as [string, string, string];
  renameSync(from, between);
  renameSync(to, from);
  renameSync(between, to);
  return `${one} and ${other} swapped`;
}

function replaceBy(directory: string, source: string): void {
  rmSync(directory, { recursive: true });
  cpSync(source, directory, { recursive: true });
}

export const injuries: Readonly<Record<string, Injury>> = {
  "one flipped bit": altering("a flipped bit in", flip),
  "many flipped bits": altering("flipped bits in", manyFlips),
  "zeroed page": altering("a zeroed page in", zeroPage),
  "truncated file": altering("a cut of", (bytes, at) => bytes.subarray(0, at)),
  "short write": altering("a short write of", shortWrite),
  "deleted file": (directory, random) => {
    const name = pick(filesIn(directory), random);
    rmSync(join(directory, name));
    return `the loss of ${name}`;
  },
  "older copy of a file": olderFile,
  "swapped files": swapFiles,
  "older store beside the mark": (directory, random, { older }) => {
    const source = pick(older, random);
    replaceBy(join(directory, "level"), join(source, "level"));
    return `the store of ${source}`;
  },
  "older copy of everything": (directory, random, { older }) => {
    const source = pick(older, random);
    replaceBy(directory, source);
    return `everything of ${source}`;
  },
  "deleted store": (directory) => {
    rmSync(join(directory, "level"), { recursive: true });
    return "the loss of the store";
  },
  "deleted everything": (directory) => {
    rmSync(directory, { recursive: true });
    return "the loss of everything";
  },
};
