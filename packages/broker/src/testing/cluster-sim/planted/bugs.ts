import type { PlantedBug } from "@odradek/kit/simulation";

import { compactionBugs } from "./compaction-bugs.ts";
import { controllerBugs } from "./controller-bugs.ts";
import { diskBugs, powerBugs } from "./disk-bugs.ts";
import { logBugs } from "./log-bugs.ts";
import { moveBugs } from "./move-bugs.ts";
import { producerBugs } from "./producer-bugs.ts";
import { replicationBugs } from "./replication-bugs.ts";

/** Every bug that the simulator of the cluster must see. */
export const plantedBugs: readonly PlantedBug[] = [
  ...replicationBugs,
  ...controllerBugs,
  ...producerBugs,
  ...logBugs,
  ...compactionBugs,
  ...powerBugs,
  ...diskBugs,
  ...moveBugs,
];
