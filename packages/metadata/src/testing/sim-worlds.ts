import type { SimResult } from "@odradek/kit/simulation";

import { isService } from "./sim-simulation.ts";
import { simulate } from "./sim.ts";

/** The world of a seed, with those of its planned faults that are in `only`, or all of them. */
export async function simulateSeed(seed: number, only: ReadonlySet<number> | null = null): Promise<SimResult> {
  if (!isService(seed)) return simulate(seed, only);
  // Loaded when it is needed: most workers that plant a bug in Raft do without.
  const { simulateService } = await import("./service-sim.ts");
  return simulateService(seed, only);
}
