import type { Simulation } from "@odradek/kit/simulation";

import { plantedBugs } from "./planted/bugs.ts";

/** The simulator of the whole cluster. */
export const clusterSimulation: Simulation = {
  name: "cluster",
  worlds: new URL("cluster-worlds.ts", import.meta.url).href,
  sources: new URL("../../", import.meta.url).href,
  bugs: plantedBugs,
  caught: new URL("planted/caught.txt", import.meta.url),
  canShow: () => true,
};
