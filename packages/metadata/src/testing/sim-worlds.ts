import type { SimResult } from "./sim-result.ts";
import { simulate } from "./sim.ts";

/** Every so many seeds are a whole service with clients, which costs ten times as much; the others are the quorum alone. */
export const serviceEvery = 40;

export const isService = (seed: number): boolean => seed % serviceEvery === 0;

/** The world of a seed, with those of its planned faults that are in `only`, or all of them. */
export async function simulateSeed(seed: number, only: ReadonlySet<number> | null = null): Promise<SimResult> {
  if (!isService(seed)) return simulate(seed, only);
  // Loaded when it is needed: most workers that plant a bug in Raft do without.
  const { simulateService } = await import("./service-sim.ts");
  return simulateService(seed, only);
}
