import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of what a node keeps, loses and takes over. */
export const storeBugs: PlantedBug[] = [
  {
    name: "markNoSync",
    id: "R-01",
    what: "term and vote are written and not synced",
    edits: [{ file: "store/raft-mark.ts", find: `await this.#file.sync();`, replace: `` }],
  },
  {
    name: "logNoSync",
    id: "R-02",
    what: "entries are written and not synced",
    edits: [
      {
        file: "store/store.ts",
        find: `await this.#kv.batch(rows, { sync });`,
        replace: `await this.#kv.batch(rows, { sync: sync && rows.length < 0 });`,
      },
    ],
  },
  {
    name: "writesOverlap",
    id: "R-04",
    what: "the store does not wait for one write before it begins the next",
    edits: [{ file: "store/store.ts", find: `this.#running ??= this.#run();`, replace: `void this.#run();` }],
  },
  {
    name: "membersNotInSnapshot",
    id: "R-12",
    what: "a node that got a snapshot does not know its cluster",
    edits: [{ file: "raft/snapshots.ts", find: `raft.cluster = info.cluster;`, replace: `` }],
  },
  {
    name: "fuzzySnapshot",
    id: "R-13",
    what: "a snapshot holds one entry more than it says",
    edits: [
      {
        file: "raft/compaction.ts",
        find: `applied === log.base.index ? log.base : log.at(applied);`,
        replace: `applied <= log.base.index + 1 ? log.base : log.at(applied - 1);`,
      },
    ],
  },
  {
    name: "appliedTwice",
    id: "R-14",
    what: "the state is written without the index it belongs to",
    edits: [
      {
        file: "store/store.ts",
        find: `return [...writes, applied.put({ index, digest })];`,
        replace: `return [...writes, applied.put({ index: Math.max(this.#firstIndex - 1, index - 1), digest })];`,
      },
    ],
  },
  {
    name: "holeNotSeen",
    id: "R-21",
    what: "entries that the disk lost are not missed",
    edits: [
      {
        file: "store/inspect.ts",
        find: `if (last.index < mark.last.index) return`,
        replace: `if (last.index < mark.last.index) return null; if (last.index < 0) return`,
      },
    ],
  },
  {
    name: "recoveringVotes",
    id: "R-21",
    what: "a node that lost its promises votes",
    edits: [
      {
        file: "raft/election.ts",
        find: `if (raft.standing !== "voter") return false; const log =`,
        replace: `const log =`,
      },
    ],
  },
  {
    name: "emptyDiskVotes",
    id: "R-23",
    what: "a node with an emptied disk counts as a whole one",
    edits: [
      {
        file: "raft/admission.ts",
        find: `if (raft.standing === "empty") raft.becomeRecovering(); }`,
        replace: `if (raft.standing === "empty") { raft.standing = "voter"; raft.saveHard(); } }`,
      },
      {
        file: "raft/admission.ts",
        find: `(peer.term > 0 || peer.standing === "recovering"))) raft.becomeRecovering();`,
        replace: `(peer.term > 0 || peer.standing === "recovering"))) admit(raft);`,
      },
    ],
  },
  {
    name: "failedWriteIsDone",
    id: "R-20",
    what: "a write that a full disk refused counts as done",
    edits: [
      {
        file: "store/store.ts",
        find: `this.#failed = new Error("writing to the metadata store failed", { cause });`,
        replace: `if (cause instanceof Error) { for (const task of group) task.done(); continue; }
          this.#failed = new Error("writing to the metadata store failed", { cause });`,
      },
    ],
  },
];
