import { parentPort, workerData } from "node:worker_threads";

import { plant, type PlantedBug } from "./plant.ts";
import type { Task } from "./pool.ts";
import type { WorldModule } from "./simulation.ts";

const { worlds, sources, bug } = workerData as { worlds: string; sources: string; bug: PlantedBug | null };
if (bug !== null) plant(bug, sources);
// Loaded only now, with the bug in it.
const { simulateSeed } = (await import(worlds)) as WorldModule;

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
