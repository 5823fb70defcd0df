import { parentPort, workerData } from "node:worker_threads";

import { bugNamed } from "./planted/bugs.ts";
import { plant } from "./planted/plant.ts";
import type { Task } from "./sim-pool.ts";

const { bug } = workerData as { bug: string | null };
if (bug !== null) plant(bugNamed(bug));
// Loaded only now, with the bug in it.
const { simulateSeed } = await import("./sim-worlds.ts");

parentPort!.on("message", (task: Task) => void run(task));

async function run({ seed, only, twice }: Task): Promise<void> {
  const faults = only && new Set(only);
  const result = await simulateSeed(seed, faults);
  if (twice && result.failure === null) {
    const again = await simulateSeed(seed, faults);
    if (again.trace !== result.trace) result.failure = `two runs differ: ${result.trace} and ${again.trace}`;
  }
  parentPort!.postMessage(result);
}
