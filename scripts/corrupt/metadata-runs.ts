import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type History, makeHistory } from "../../packages/metadata/src/testing/corrupt/history.ts";
import { rejoin } from "../../packages/metadata/src/testing/corrupt/rejoin.ts";

/** So many runs begin with the same past. */
const runsPerHistory = 120;

/*
 * A process of its own, because LevelDB ends the process on some damage: `node metadata-runs.ts DIRECTORY FROM UNTIL [aborted]` says "begin SEED" before
 * every run and its outcome as JSON after it.
 */
const [root = "", from = "", until = "", aborted] = process.argv.slice(2);
let history: History | null = null;
for (let seed = Number(from); seed < Number(until); seed++) {
  if (history === null || seed % runsPerHistory === 0) history = await pastOf(Math.floor(seed / runsPerHistory));
  process.stdout.write(`begin ${seed}\n`);
  const run = await rejoin(seed, history, root, { aborted: aborted === "aborted" });
  process.stdout.write(`${JSON.stringify(run)}\n`);
}

async function pastOf(number: number): Promise<History> {
  const directory = join(root, "past");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  return makeHistory(number + 1, directory);
}
