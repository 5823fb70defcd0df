import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Edit, PlantedBug } from "./plant.ts";
import { raftBugs } from "./raft-bugs.ts";
import { serviceBugs } from "./service-bugs.ts";
import { storeBugs } from "./store-bugs.ts";

/** A node that starts asks the others how far they are before it votes, which keeps a bug that forgets promises from doing harm. */
const noRollCall: Edit[] = [
  {
    file: "raft/state.ts",
    find: `if (this.standing !== "empty" && !this.planted.noRollCall) this.beginRollCall();`,
    replace: ``,
  },
  { file: "raft/state.ts", find: `if (!this.planted.noRollCall) this.beginRollCall();`, replace: `` },
];

/** Every bug that the simulator must see. Those of Raft and the store are shown without the second line of defence. */
export const plantedBugs: readonly PlantedBug[] = [
  ...[...raftBugs, ...storeBugs].map((bug) => ({ ...bug, edits: [...bug.edits, ...noRollCall] })),
  ...serviceBugs,
];

export function bugNamed(name: string): PlantedBug {
  const bug = plantedBugs.find((each) => each.name === name);
  if (!bug) throw new Error(`there is no planted bug ${name}, but ${plantedBugs.map((each) => each.name).join(", ")}`);
  return bug;
}

export const caughtPath = fileURLToPath(new URL("caught.txt", import.meta.url));

/** Where each bug was caught last, counted from seed 1: the first seed to try. */
export function caughtAt(): ReadonlyMap<string, number> {
  const lines = readFileSync(caughtPath, "utf8").trim().split("\n");
  return new Map(lines.map((line) => line.split(" ")).map(([name, seed]) => [name!, Number(seed)]));
}
