import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { NodeFiles } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { expect, onTestFinished, test } from "vitest";

import { broken, fillStore, open } from "../testing/stored-node.ts";
import { LevelKv } from "./level-kv.ts";

const injuries = 120;

/** Flips a bit, zeroes a page, cuts or removes one of LevelDB's files. */
function injure(directory: string, random: SeededRandom): string {
  const names = readdirSync(directory).filter((name) => /\.(log|ldb)$|^MANIFEST|^CURRENT/.test(name));
  const name = names[Math.floor(random.next() * names.length)]!;
  const path = join(directory, name);
  const bytes = readFileSync(path);
  const at = Math.floor(random.next() * bytes.length);
  const how = Math.floor(random.next() * 4);
  if (how === 0 && bytes.length > 0) bytes[at]! ^= 1 << Math.floor(random.next() * 8);
  if (how === 1) bytes.subarray(at & ~4095, (at & ~4095) + 4096).fill(0);
  if (how === 3) rmSync(path);
  else writeFileSync(path, how === 2 ? bytes.subarray(0, at) : bytes);
  return `${["a flipped bit in", "a zero page in", "a cut of", "the loss of"][how]} ${name} at ${at}`;
}

test("R-21: LevelDB on an injured disk never passes for whole", { timeout: 60_000 }, async () => {
  const root = mkdtempSync(join(tmpdir(), "odradek-injury-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const healthy = join(root, "healthy");
  const files = new NodeFiles();
  files.makeDirectory(healthy);
  const kv = await LevelKv.open(join(healthy, "level"));
  const promised = await fillStore(kv, files, healthy);
  await kv.close();
  const outcomes = { refused: 0, recovering: 0, whole: 0 };
  for (let seed = 1; seed <= injuries; seed++) {
    const directory = join(root, String(seed));
    cpSync(healthy, directory, { recursive: true });
    const injury = injure(join(directory, "level"), new SeededRandom(seed));
    let injured: LevelKv;
    try {
      injured = await LevelKv.open(join(directory, "level"));
    } catch {
      outcomes.refused++;
      continue;
    }
    const opened = await open(injured, files, directory);
    if (opened.restored.hard.standing === "recovering") outcomes.recovering++;
    else {
      outcomes.whole++;
      expect(await broken(opened, injured, promised), injury).toBeNull();
    }
    await injured.close();
    rmSync(directory, { recursive: true });
  }
  expect(outcomes.recovering).toBeGreaterThan(10);
  expect(outcomes.whole).toBeGreaterThan(0);
});
