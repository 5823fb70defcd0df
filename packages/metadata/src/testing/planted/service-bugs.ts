import type { PlantedBug } from "@odradek/kit/simulation";
import { sessionBugs } from "./session-bugs.ts";
import { treeBugs } from "./tree-bugs.ts";
import { watchBugs } from "./watch-bugs.ts";

/** Bugs that show where whole members meet clients. */
export const serviceBugs: PlantedBug[] = [...sessionBugs, ...watchBugs, ...treeBugs];
