import { assert } from "@odradek/kit";

import { newProgress, type Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";

/** `matched`: our log equals the leader's up to here. `heardMs`: when the leader last spoke. */
export type Follower = {
  is: "follower";
  leader: number | null;
  heardMs: number;
  electionAtMs: number;
  matched: number;
};
/** Asks whether it could win, without changing anything (pre-vote, RELIABILITY R-17). */
export type PreCandidate = { is: "preCandidate"; votes: Map<number, boolean>; electionAtMs: number };
/** Votes are a set per (term, voter) (RELIABILITY R-07): a new term makes a new set. */
export type Candidate = { is: "candidate"; votes: Map<number, boolean>; electionAtMs: number; transfer: boolean };
export type Leader = {
  is: "leader";
  followers: Map<number, Progress>;
  /** Its no-op; until that is applied nothing is read (RELIABILITY R-05). */
  firstIndex: number;
  heartbeatAtMs: number;
  /** The last read round that was begun, the last that a majority answered, and whether someone waits for the next. */
  round: number;
  confirmedRound: number;
  roundWanted: boolean;
  reads: { context: number; round: number; index: number }[];
  transfer: { to: number; untilMs: number; asked: boolean } | null;
  /** Removed members that are still told so, until then at the latest. */
  leaving: Map<number, number>;
  /** Removed itself, and has asked another to lead. */
  left: boolean;
  /** When it may look again for a voter with more room on its disk. */
  roomierAtMs: number;
  /** The last entry after which members had different states, and no majority the same one. */
  splitAt: number | null;
};
export type Role = Follower | PreCandidate | Candidate | Leader;

/** Follows `leader` in `term`; a new term forgets the vote. */
export function becomeFollower(raft: RaftState, term: number, leader: number | null): void {
  assert(term >= raft.term, "terms never go back");
  const { role } = raft;
  assert(role.is !== "leader" || term > raft.term || leader === null, "a term has one leader");
  if (term > raft.term) {
    raft.term = term;
    raft.vote = null;
    raft.recoverUntil = null;
    raft.saveHard();
  } else if (role.is === "follower" && role.leader === leader && leader !== null) {
    role.heardMs = raft.nowMs;
    role.electionAtMs = raft.electionAt();
    return;
  }
  if (role.is === "leader") raft.reads.refused.push(...role.reads.map((read) => read.context));
  const heardMs = leader === null ? -Infinity : raft.nowMs;
  raft.role = { is: "follower", leader, heardMs, electionAtMs: raft.electionAt(), matched: 0 };
  raft.outgoing = null;
  raft.snapshotWanted = false;
}

export function becomePreCandidate(raft: RaftState): void {
  assert(raft.role.is !== "leader", "a leader does not stand for election");
  raft.role = { is: "preCandidate", votes: new Map([[raft.id, true]]), electionAtMs: raft.electionAt() };
}

/** A new term with our own vote, which counts once it is durable. */
export function becomeCandidate(raft: RaftState, options: { transfer: boolean }): void {
  assert(raft.role.is !== "leader", "a leader does not stand for election");
  assert(raft.standing === "voter", "only a whole node stands for election");
  assert(raft.mayLead, "only a voter stands for election");
  raft.term++;
  raft.vote = raft.id;
  raft.saveHard();
  raft.role = { is: "candidate", votes: new Map(), electionAtMs: raft.electionAt(), transfer: options.transfer };
}

/** Leads its term, beginning with an entry of it: only that may be counted for commit (Raft §5.4.2). */
export function becomeLeader(raft: RaftState): void {
  assert(raft.role.is === "candidate", "only a candidate becomes leader");
  assert(raft.vote === raft.id, "a leader voted for itself");
  const next = raft.log.last.index + 1;
  const followers = new Map(raft.others.map((id) => [id, newProgress(next, raft.nowMs)]));
  raft.uncommittedBytes = 0;
  const first = raft.append({ term: raft.term, ...firstEntry(raft) });
  raft.role = {
    is: "leader",
    followers,
    firstIndex: first.index,
    heartbeatAtMs: raft.nowMs,
    round: 0,
    confirmedRound: 0,
    roundWanted: false,
    reads: [],
    transfer: null,
    leaving: new Map(),
    left: false,
    roomierAtMs: raft.nowMs,
    splitAt: null,
  };
}

function firstEntry(raft: RaftState): { is: "noop" | "members"; data: Buffer } {
  if (raft.log.last.index > 0) return { is: "noop", data: Buffer.alloc(0) };
  const id = raft.random.bytes(16).toString("base64url");
  return { is: "members", data: Buffer.from(JSON.stringify({ id, members: raft.voters })) };
}
