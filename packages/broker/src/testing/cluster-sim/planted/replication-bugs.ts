import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of leaders and followers. */
export const replicationBugs: PlantedBug[] = [
  {
    name: "truncateToHigh",
    id: "P-01",
    what: "a follower cuts its log to the high watermark that it knows",
    edits: [
      {
        file: "partition/follower.ts",
        find: `const { derived, log } = replica; if (leader >= 0 && derived.epochs.latest >= epoch)`,
        replace: `const { derived, log } = replica;
          if (leader >= 0) replica.truncateTo(replica.high.value);
          if (leader >= 0 && derived.epochs.latest >= epoch)`,
      },
    ],
  },
  {
    name: "divergenceNotSeen",
    id: "P-02",
    what: "a leader takes in a follower whose log parts from its own",
    edits: [
      {
        file: "partition/leader.ts",
        find: `if (ours.leaderEpoch !== request.lastEpoch || ours.endOffset < request.end)`,
        replace: `if (ours.leaderEpoch < -1)`,
      },
    ],
  },
  {
    name: "noEpochStart",
    id: "P-06",
    what: "a leader's epoch is not known before its first record",
    edits: [
      {
        file: "partition/leader.ts",
        find: `replica.derived.epochs.begin(this.epoch, this.epochStart);`,
        replace: ``,
      },
    ],
  },
  {
    name: "highBeyondEnd",
    id: "P-07",
    what: "a follower takes its leader's high watermark before it has the records",
    edits: [
      {
        file: "partition/follower.ts",
        find: `const high = Math.min(data.high, log.end);`,
        replace: `const high = data.high;`,
      },
    ],
  },
  {
    name: "highBelowMinimum",
    id: "P-08",
    what: "the high watermark moves with fewer in sync than min.insync.replicas",
    edits: [{ file: "partition/in-sync.ts", find: `if (this.isBelowMinimum) return view.high;`, replace: `` }],
  },
  {
    name: "joinBehindHigh",
    id: "P-10",
    what: "a follower that lacks committed records is counted in sync",
    edits: [
      {
        file: "partition/in-sync.ts",
        find: `return known.end >= view.high && known.end >= view.epochStart && known.end >= 0;`,
        replace: `return known.end >= 0;`,
      },
    ],
  },
  {
    name: "joinBehindEpochStart",
    id: "P-10",
    what: "a follower that lacks records from before the epoch is counted in sync",
    edits: [
      {
        file: "partition/in-sync.ts",
        find: `return known.end >= view.high && known.end >= view.epochStart && known.end >= 0;`,
        replace: `return known.end >= view.high && known.end >= 0;`,
      },
    ],
  },
  {
    name: "highIsOwnEnd",
    id: "P-08",
    what: "a leader counts as committed what only it has",
    edits: [{ file: "partition/in-sync.ts", find: `if (counts) least = Math.min(least, known.end);`, replace: `` }],
  },
  {
    name: "slowestNotCounted",
    id: "P-11",
    what: "a follower whose stream broke holds nothing back any more",
    edits: [
      {
        file: "partition/in-sync.ts",
        find: `if (counts) least = Math.min(least, known.end);`,
        replace: `if (counts && known.end >= 0) least = Math.min(least, known.end);`,
      },
    ],
  },
  {
    name: "acknowledgedAtOnce",
    id: "P-16",
    what: "acks=all is answered when the leader has written",
    edits: [{ file: "partition/leader.ts", find: `if (options.acks !== -1) {`, replace: `if (options.acks !== -2) {` }],
  },
  {
    name: "acknowledgedByDeposed",
    id: "P-18",
    what: "a leader that leads no longer says that what waits is committed",
    edits: [
      { file: "partition/leader.ts", find: `if (reached === "closed") {`, replace: `if (reached === "never") {` },
    ],
  },
  {
    name: "uncommittedServed",
    id: "L-17",
    what: "consumers read beyond the high watermark",
    edits: [
      {
        file: "partition/partition.ts",
        find: `options.isolation === "committed" ? this.lastStable : this.high.value;`,
        replace: `log.end;`,
      },
    ],
  },
  {
    name: "highForgotten",
    id: "P-21",
    what: "a new role begins at the log's start with its high watermark",
    edits: [
      {
        file: "partition/local-replica.ts",
        find: `this.#high = new Watermark(this.#clock, value);`,
        replace: `this.#high = new Watermark(this.#clock, Math.min(value, this.log.start));`,
      },
    ],
  },
  {
    name: "leaderCountsUnsynced",
    id: "P-16",
    what: "a leader counts what its own disk does not have yet, though flush.messages wants it there",
    edits: [
      {
        file: "partition/leader.ts",
        find: `return { ownEnd: this.#replica.log.written.value,`,
        replace: `return { ownEnd: this.#replica.log.end,`,
      },
    ],
  },
  {
    name: "attachAhead",
    id: "P-16",
    what: "a follower attaches with records that are not as safe as flush.messages wants",
    edits: [
      {
        file: "replica/fetcher.ts",
        find: `if (log.written.value >= log.end) return true;`,
        replace: `if (log.end >= 0) return true;`,
      },
    ],
  },
  {
    name: "followerServesUncommitted",
    id: "L-17",
    what: "consumers in a follower's rack read all that it has, committed or not",
    edits: [
      {
        file: "partition/partition.ts",
        find: `const upTo = options.isolation === "committed" ? this.lastStable : this.high.value;`,
        replace: `const upTo = acting.is === "follower" ? log.end : this.high.value;`,
      },
    ],
  },
];
