import type { Edit, PlantedBug } from "@odradek/kit/simulation";

import type { MoodName } from "../sim-plan.ts";
import { memberBugs } from "./member-bugs.ts";
import { raftBugs } from "./raft-bugs.ts";
import { serviceBugs } from "./service-bugs.ts";
import { storeBugs } from "./store-bugs.ts";

/** A node that starts asks the others how far they are before it votes (raft/roll-call.ts), which keeps a bug that forgets promises from doing harm. */
const noRollCall: Edit[] = [
  {
    file: "raft/state.ts",
    find: `if (this.standing !== "empty" && !this.planted.noRollCall) this.beginRollCall();`,
    replace: ``,
  },
  { file: "raft/state.ts", find: `if (!this.planted.noRollCall) this.beginRollCall();`, replace: `` },
];

/** Bugs whose nodes forget what they promised, and one that shows when nodes that crashed lead again soon. */
const maskedByRollCall: ReadonlySet<string> = new Set([
  "voteNoPersist",
  "appendNoPersist",
  "leaderCountsUnsynced",
  "commitOldTerm",
  "holeNotSeen",
  "recoveringVotes",
  "emptyDiskVotes",
]);

/** Bugs that show in few worlds but those of a mood, where they are looked for. */
export const moodOf: Readonly<Record<string, MoodName>> = {
  voteNoPersist: "elections",
  appendNoPersist: "promises",
  leaderCountsUnsynced: "promises",
  commitOldTerm: "churn",
  membersNotInSnapshot: "snapshots",
  changeBeforeOwnTerm: "members",
  changesOverlap: "members",
};

/** Every bug that the simulator must see. */
export const plantedBugs: readonly PlantedBug[] = [
  ...[...raftBugs, ...storeBugs, ...memberBugs].map((bug) =>
    maskedByRollCall.has(bug.name) ? { ...bug, without: "the roll call", edits: [...bug.edits, ...noRollCall] } : bug,
  ),
  ...serviceBugs,
];

/** Of sessions, watches and writes: it shows only where whole members meet clients. */
export const needsService = (bug: PlantedBug): boolean => serviceBugs.some(({ name }) => name === bug.name);
