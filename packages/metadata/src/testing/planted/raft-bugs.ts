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
  {
    name: "otherEntryAnswers",
    id: "R-09",
    what: "a proposal is told done when another entry took its index",
    edits: [
      {
        file: "raft/driver.ts",
        find: `if (waiting?.term === entry.term) waiting.settle(`,
        replace: `if (waiting) waiting.settle(`,
      },
      {
        file: "raft/driver.ts",
        find: `role.is === "leader" && term === waiting.term && !this.#stopped;`,
        replace: `waiting.term > 0 && (role.is !== "leader" || term > 0) && !this.#stopped;`,
      },
    ],
  },
  {
    name: "noPreVote",
    id: "R-17",
    what: "whoever hears nothing of a leader begins a term without asking first",
    edits: [
      {
        file: "raft/election.ts",
        find: `return; } preCampaign(raft); }`,
        replace: `return; } if (raft.term > 0) campaign(raft, { transfer: false }); else preCampaign(raft); }`,
      },
    ],
  },
  {
    name: "votersForgetLeader",
    id: "R-17",
    what: "a follower that hears its leader votes for another",
    edits: [
      {
        file: "raft/election.ts",
        find: `return raft.role.is === "follower" && raft.nowMs - raft.role.heardMs < raft.timing.electionMsMin;`,
        replace: `return false;`,
      },
    ],
  },
  {
    name: "noCheckQuorum",
    id: "R-17",
    what: "a leader that nobody hears stays one",
    edits: [
      {
        file: "raft/leading.ts",
        find: `if (raft.diskStalled() || !hearsMajority(raft, role)) return`,
        replace: `if (raft.diskStalled() || (raft.voters.length === 0 && !hearsMajority(raft, role))) return`,
      },
    ],
  },
  {
    name: "readsWithoutRound",
    id: "R-18",
    what: "a leader serves reads without asking whether it still leads",
    edits: [
      {
        file: "raft/reads.ts",
        find: `while (role.reads[0] && role.reads[0].round <= role.confirmedRound && role.reads[0].index <= raft.applied)`,
        replace: `while (role.reads[0] && role.reads[0].index <= raft.applied)`,
      },
    ],
  },
  {
    name: "hungDiskLeads",
    id: "R-19",
    what: "a leader stays one while its disk hangs",
    edits: [
      {
        file: "raft/leading.ts",
        find: `if (raft.diskStalled() || !hearsMajority(raft, role)) return`,
        replace: `if (!hearsMajority(raft, role)) return`,
      },
    ],
  },
  {
    name: "bytesLeak",
    id: "R-24",
    what: "what was committed still counts against the limit of uncommitted bytes",
    edits: [
      {
        file: "raft/core.ts",
        find: `(entry.is === "data" ? weightOf(entry) : 0)`,
        replace: `(entry.is === "data" ? entry.data.length : 0)`,
      },
    ],
  },
];
