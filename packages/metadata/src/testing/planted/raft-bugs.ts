import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of elections, log and commit. */
export const raftBugs: PlantedBug[] = [
  {
    name: "voteNoPersist",
    id: "R-01",
    what: "a vote leaves before it is durable",
    edits: [
      {
        file: "raft/election.ts",
        find: `raft.tellDurable(from, { is: "voteReply", term: raft.term, granted: true });`,
        replace: `raft.tell(from, { is: "voteReply", term: raft.term, granted: true });`,
      },
    ],
  },
  {
    name: "appendNoPersist",
    id: "R-02",
    what: "a follower acknowledges entries before they are durable",
    edits: [
      {
        file: "raft/following.ts",
        find: `if (matched <= raft.synced) raft.tell(from, reply);`,
        replace: `if (matched >= 0) raft.tell(from, reply);`,
      },
    ],
  },
  {
    name: "leaderCountsUnsynced",
    id: "R-03",
    what: "a leader counts entries that its own disk does not have yet",
    edits: [
      {
        file: "raft/leading.ts",
        find: `? raft.synced : 0`,
        replace: `? raft.log.last.index : 0`,
      },
    ],
  },
  {
    name: "commitOldTerm",
    id: "R-05",
    what: "entries of an old term are committed by counting",
    edits: [
      {
        file: "raft/leading.ts",
        find: `if (raft.log.termAt(reached) !== raft.term) return;`,
        replace: ``,
      },
    ],
  },
  {
    name: "voteForOlderLog",
    id: "R-05",
    what: "votes go to candidates whose log is older",
    edits: [
      {
        file: "raft/election.ts",
        find: `return !isBefore(log, raft.log.last) && isLateEnough(raft, log);`,
        replace: `return log.index >= 0 || (!isBefore(log, raft.log.last) && isLateEnough(raft, log));`,
      },
    ],
  },
  {
    name: "alwaysTruncate",
    id: "R-06",
    what: "a delayed append cuts off what came after it",
    edits: [
      {
        file: "raft/following.ts",
        find: `if (message.prevIndex < raft.commit) {`,
        replace: `if (message.prevIndex < raft.log.base.index) {`,
      },
      {
        file: "raft/following.ts",
        find: `let index = message.prevIndex;`,
        replace: `let index = message.prevIndex;
          if (raft.log.last.index > index && index >= raft.log.base.index) {
            raft.commit = Math.min(raft.commit, index);
            raft.truncateFrom(index + 1);
          }`,
      },
    ],
  },
  {
    name: "commitBeyondMatch",
    id: "R-08",
    what: "a follower commits entries that the message does not vouch for",
    edits: [
      {
        file: "raft/following.ts",
        find: `raft.commit = Math.max(raft.commit, Math.min(message.commit, last));`,
        replace: `raft.commit = Math.max(raft.commit, Math.min(message.commit, raft.log.last.index));`,
      },
    ],
  },
  {
    name: "prevTermGuessed",
    id: "R-10",
    what: "the term before an append is the last one, not that of its entry",
    edits: [
      {
        file: "raft/sending.ts",
        find: `const prevTerm = prevIndex === 0 ? 0 : raft.log.termAt(prevIndex);`,
        replace: `const prevTerm = prevIndex === 0 ? 0 : raft.log.last.term;`,
      },
    ],
  },
];
