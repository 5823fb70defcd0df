import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of changes of members. */
export const memberBugs: PlantedBug[] = [
  {
    name: "changeBeforeOwnTerm",
    id: "R-15",
    what: "a new leader changes the members before it has committed an entry of its own",
    edits: [
      {
        file: "raft/membership.ts",
        find: `if (role.firstIndex > raft.commit && !raft.planted.changeBeforeOwnTerm) return "LEADER_NOT_READY";`,
        replace: ``,
      },
    ],
  },
  {
    name: "changesOverlap",
    id: "R-15",
    what: "members change again before the change before is committed",
    edits: [
      {
        file: "raft/membership.ts",
        find: `if (configurations.newest.index > raft.commit) return "CHANGE_IN_PROGRESS";`,
        replace: ``,
      },
    ],
  },
];
