import type { PlantedBug, Simulation } from "@odradek/kit/simulation";
import { SeededRandom } from "@odradek/kit/testing";

import { moodOf, needsService, plantedBugs } from "./planted/bugs.ts";
import { drawPlan } from "./sim-plan.ts";

/** Every so many seeds are a whole service with clients, which costs ten times as much; the others are the quorum alone. */
export const serviceEvery = 40;

export const isService = (seed: number): boolean => seed % serviceEvery === 0;

/** The simulator of the coordination store. */
export const metadataSimulation: Simulation = {
  name: "metadata",
  worlds: new URL("sim-worlds.ts", import.meta.url).href,
  sources: new URL("../", import.meta.url).href,
  bugs: plantedBugs,
  caught: new URL("planted/caught.txt", import.meta.url),
  canShow: (bug, seed) => isService(seed) === needsService(bug) && hasMoodFor(bug, seed),
};

/** Whether the world of the seed is one in which the bug is looked for. */
function hasMoodFor({ name }: PlantedBug, seed: number): boolean {
  const mood = moodOf[name];
  return mood === undefined || drawPlan(new SeededRandom(seed)).mood === mood;
}

export const regressionsFile = new URL("sim-regressions.txt", import.meta.url);
