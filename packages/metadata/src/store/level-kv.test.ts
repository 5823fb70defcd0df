import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { kvContract } from "../../../kit/src/testing/kv-contract.ts";
import { LevelKv } from "./level-kv.ts";

kvContract("level", () => {
  const directory = mkdtempSync(join(tmpdir(), "odradek-level-"));
  return { open: () => LevelKv.open(directory), dispose: () => rmSync(directory, { recursive: true }) };
});

test("a store that can't be opened says where it is", async () => {
  const directory = mkdtempSync(join(tmpdir(), "odradek-level-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const first = await LevelKv.open(directory);
  await expect(LevelKv.open(directory)).rejects.toThrow(directory);
  await first.close();
});
