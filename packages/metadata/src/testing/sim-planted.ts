import { bugNamed, caughtAt, plantedBugs } from "./planted/bugs.ts";
import type { PlantedBug } from "./planted/plant.ts";
import { serviceBugs } from "./planted/service-bugs.ts";
import { SimPool } from "./sim-pool.ts";
import { isService } from "./sim-worlds.ts";

export type Catch = { bug: PlantedBug; seed: number | null; tried: number; seconds: number; failure: string };

/** Seeds of the world in which a bug can show: the quorum alone, or whole services. */
export function* seedsFor(name: string, from: number, count: number): Generator<number> {
  const inServices = serviceBugs.some((bug) => bug.name === name);
  for (let seed = from, yielded = 0; yielded < count; seed++) {
    if (isService(seed) !== inServices) continue;
    yielded++;
    yield seed;
  }
}

/** What continuous integration tries: the seed where the bug was caught last, then the next ones, then from 1. */
export function* ciSeeds(name: string): Generator<number> {
  yield* seedsFor(name, caughtAt().get(name) ?? 1, 20);
  yield* seedsFor(name, 1, 200);
}

/** Simulates with the bug planted until a check fails. */
export async function catchBug(name: string, seeds: Iterable<number>): Promise<Catch> {
  const bug = bugNamed(name);
  await using pool = new SimPool({ workers: 1, bug: name });
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

function* tasks(seeds: Iterable<number>) {
  for (const seed of seeds) yield { seed, only: null, twice: false };
}

export const bugNames: readonly string[] = plantedBugs.map((bug) => bug.name);
