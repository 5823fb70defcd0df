import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { NodeFiles, silentLogger } from "@odradek/kit";
import { expect, onTestFinished, test } from "vitest";

import { LevelKv } from "./level-kv.ts";
import { openLevel } from "./open-level.ts";

const key = Buffer.from("key");

async function stored(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), "odradek-open-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const directory = join(root, "tree");
  const kv = await LevelKv.open(directory);
  await kv.batch([{ is: "put", key, value: Buffer.from("value") }], { sync: true });
  await kv.close();
  return directory;
}

const open = (directory: string): Promise<LevelKv> =>
  openLevel({ directory, files: new NodeFiles(), logger: silentLogger });

test("R-21: a store that LevelDB can't open is set aside, and an empty one takes its place", async () => {
  const directory = await stored();
  const manifest = readdirSync(directory).find((name) => name.startsWith("MANIFEST"))!;
  writeFileSync(join(directory, manifest), "no manifest");
  const kv = await open(directory);
  expect(kv.get(key)).toBeUndefined();
  await kv.close();
  expect(readdirSync(`${directory}.damaged`)).toContain(manifest);
});

test("R-21: a store whose opening ended two processes is set aside by the third", async () => {
  const directory = await stored();
  for (const [ended, isKept] of [
    ["1", true],
    ["2", false],
  ] as const) {
    writeFileSync(`${directory}.opening`, ended);
    const kv = await open(directory);
    expect(kv.get(key) !== undefined).toBe(isKept);
    await kv.close();
    expect(existsSync(`${directory}.opening`)).toBe(false);
  }
});

test("a store that another process holds is left alone", async () => {
  const directory = await stored();
  const holder = await LevelKv.open(directory);
  await expect(open(directory)).rejects.toThrow(directory);
  await holder.close();
  expect(existsSync(`${directory}.damaged`)).toBe(false);
});
