import { filesBut, MemoryFiles } from "@odradek/kit/testing";
import { expect, test } from "vitest";

import { RaftMark } from "./raft-mark.ts";

test.each([
  ["/data/md", "/data"],
  ["/md", "/"],
  ["/data/md/", "/data"],
  ["data/md", "data"],
  ["md", "."],
])("L-05: a mark in %s outlives power loss with its directory, whose name is in %s", async (directory, above) => {
  const synced: string[] = [];
  const syncDirectory = (path: string): Promise<void> => Promise.resolve(void synced.push(path));
  (await RaftMark.open(filesBut(new MemoryFiles(), { syncDirectory }), directory)).close();
  expect(synced).toEqual([directory, above]);
});
