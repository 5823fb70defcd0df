import type { Edit, PlantedBug } from "@odradek/kit/simulation";

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

/** Of sessions, watches and writes: it shows only where whole members meet clients. */
export const needsService = (bug: PlantedBug): boolean => serviceBugs.some(({ name }) => name === bug.name);
