import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of partitions that are moved, and of topics that come and go: they show where that happens. */
export const moveBugs: PlantedBug[] = [
  {
    name: "movedBeforeInSync",
    id: "P-20",
    what: "a move ends before all new replicas are in sync",
    edits: [
      {
        file: "controller/reassign.ts",
        find: `if (!(now.adding ?? []).every(isThere)) return null;`,
        replace: ``,
      },
    ],
  },
  {
    name: "movedInSameEpoch",
    id: "P-20",
    what: "a move ends without a new leader epoch",
    edits: [
      {
        file: "controller/reassign.ts",
        find: `return { replicas, leader, leaderEpoch: now.leaderEpoch + 1, isr };`,
        replace: `return { replicas, leader, leaderEpoch: now.leaderEpoch, isr };`,
      },
    ],
  },
  {
    name: "strangersInSync",
    id: "P-20",
    what: "who is no replica any more stays among the in-sync ones when a move is given up",
    edits: [
      {
        file: "controller/reassign.ts",
        find: `return { ...node, isr, leader, leaderEpoch: now.leaderEpoch + 1 };`,
        replace: `return { ...node, leader, leaderEpoch: now.leaderEpoch + 1 };`,
      },
    ],
  },
  {
    name: "movesForgotten",
    id: "P-20",
    what: "a move never ends",
    edits: [
      {
        file: "controller/elect.ts",
        find: `(isMoving(partition) ? completed(image, partition, minInsyncReplicas) : null);`,
        replace: `null;`,
      },
    ],
  },
  {
    name: "preferredNotInSync",
    id: "P-17",
    what: "the preferred replica leads whether it is in sync or not",
    edits: [
      {
        file: "controller/elect.ts",
        find: `if (preferred === undefined || preferred === now.leader || !now.isr.includes(preferred)) return null;`,
        replace: `if (preferred === undefined || preferred === now.leader) return null;`,
      },
    ],
  },
];
