import type { PlantedBug } from "./plant.ts";
import { SimPool } from "./pool.ts";
import { bugNamed, caughtAt, type Simulation } from "./simulation.ts";

export type Catch = { bug: PlantedBug; seed: number | null; tried: number; seconds: number; failure: string };

/** Seeds of worlds in which a bug can show. */
export function* seedsFor(simulation: Simulation, name: string, from: number, count: number): Generator<number> {
  const bug = bugNamed(simulation, name);
  for (let seed = from, yielded = 0; yielded < count; seed++) {
    if (!simulation.canShow(bug, seed)) continue;
    yielded++;
    yield seed;
  }
}

/** What continuous integration tries: the seed where the bug was caught last, then the next ones, then from 1. */
export function* ciSeeds(simulation: Simulation, name: string): Generator<number> {
  yield* seedsFor(simulation, name, caughtAt(simulation).get(name) ?? 1, 20);
  yield* seedsFor(simulation, name, 1, 200);
}

/** Simulates with the bug planted until a check fails. */
export async function catchBug(simulation: Simulation, name: string, seeds: Iterable<number>): Promise<Catch> {
  const bug = bugNamed(simulation, name);
  await using pool = new SimPool(simulation, { workers: 1, bug });
  const caught: Catch = { bug, seed: null, tried: 0, seconds: 0, failure: "" };
  const startedMs = performance.now();
  await pool.run(tasks(seeds), ({ seed, failure }) => {
    caught.tried++;
    if (failure === null) return false;
    Object.assign(caught, { seed, failure });
    return true;
  });
  caught.seconds = (performance.now() - startedMs) / 1000;
  return caught;
}

/** Looks for every bug of a simulation as continuous integration does; the names of those that nobody sees. */
export async function survivorsOf(simulation: Simulation, workers: number): Promise<string[]> {
  const waiting = simulation.bugs.map((bug) => bug.name);
  const survivors: string[] = [];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      if ((await catchBug(simulation, name, ciSeeds(simulation, name))).seed === null) survivors.push(name);
  };
  await Promise.all(Array.from({ length: workers }, work));
  return survivors;
}

function* tasks(seeds: Iterable<number>) {
  for (const seed of seeds) yield { seed, only: null, twice: false };
}
