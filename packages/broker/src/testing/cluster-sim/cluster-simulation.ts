import type { Simulation } from "@odradek/kit/simulation";
import { SeededRandom } from "@odradek/kit/testing";

import { drawClusterPlan } from "./cluster-plan.ts";
import { plantedBugs } from "./planted/bugs.ts";
import { canShowIn } from "./planted/where.ts";

/** The simulator of the whole cluster. */
export const clusterSimulation: Simulation = {
  name: "cluster",
  worlds: new URL("cluster-worlds.ts", import.meta.url).href,
  sources: new URL("../../", import.meta.url).href,
  bugs: plantedBugs,
  caught: new URL("planted/caught.txt", import.meta.url),
  canShow: (bug, seed) => canShowIn(bug, drawClusterPlan(new SeededRandom(seed))),
};
