import type { Kv, KvWrite } from "@odradek/kit";

import type { Space } from "../store/space.ts";
import type { Snapshot, StateRow } from "../store/write.ts";
import type { ChangeRefusal, MemberChange } from "./membership.ts";

/** One committed entry, as every node of the quorum sees it. */
export type CommittedEntry = { index: number; term: number; data: Buffer };

/** What applying an entry did: what to persist in the same batch as the applied index, and what to tell the proposer (on its own node only). */
export type Applied<Result> = { writes: StateRow[]; result: Result };

/** A state on its way from a store, which nobody sees before it is whole. */
export type Loading = {
  /** Takes any row, damaged ones included. */
  readonly add: (key: Buffer, value: Buffer) => void;
  /** What was added is the state now. Throws when that makes none. */
  readonly finish: () => void;
};

/**
 * The state that the log replicates. It is a pure function of the entries: no clock, no chance, no map order (RELIABILITY R-26).
 * Keys it writes start with its own tag bytes, 0x40 to 0x7f; the store keeps the rest.
 */
export interface StateMachine<Result> {
  apply(entry: CommittedEntry): Applied<Result>;
  /** Begins to read what a store holds; before any apply. */
  loading(): Loading;
  /** The whole state now, as one snapshot. Taken synchronously; it must not change when entries are applied later. */
  snapshot(): Buffer;
  /** Replaces the state by a snapshot and returns what to persist instead of everything kept so far. Throws on a damaged one, state unchanged. */
  restore(snapshot: Buffer): KvWrite[];
}

/** unknown: the node lost leadership while the entry was in flight; it may or may not be applied later (RELIABILITY R-09). */
export type Proposed<Result> =
  | { is: "applied"; index: number; result: Result }
  | { is: "notLeader"; leader: number | null }
  | { is: "busy" }
  | { is: "unknown" };

/** What became of a change of members. */
export type Changed =
  | { is: "done" }
  | { is: "notLeader"; leader: number | null }
  | { is: "refused"; why: ChangeRefusal }
  | { is: "unknown" };

/** Whether another leads now. */
export type Transferred = { is: "done" } | { is: "notLeader"; leader: number | null } | { is: "notTaken" };

/** `leader` is reported only after the first entry of the own term is applied (RELIABILITY R-05). */
export type Leadership = { is: "leader"; term: number } | { is: "follower"; term: number; leader: number | null };

export type ConsensusStatus = {
  id: number;
  role: "leader" | "follower" | "candidate" | "learner" | "recovering" | "removed";
  term: number;
  leader: number | null;
  commitIndex: number;
  appliedIndex: number;
  lastIndex: number;
  firstIndex: number;
  snapshotIndex: number;
  /** Those that vote. */
  members: number[];
  learners: number[];
  /** Of those that were added; the founders' are configured. */
  addresses: Record<number, string>;
  /** What disks have room for: our own and, while we lead, those of a majority. */
  room: Space;
  /** A leader's: members have different states after this entry, and no majority the same one (RELIABILITY R-26). */
  splitAt: number | null;
};

/** The replicated log as the service above sees it. */
export interface Consensus<Result> {
  readonly leadership: Leadership;
  /** low: nothing that makes the state larger should be proposed. full: nothing large is taken (RELIABILITY R-20). */
  readonly room: Space;
  /** Called on every change of `leadership`. One listener. */
  onLeadership: (leadership: Leadership) => void;
  /** Called after entries were applied on this node, in order, leader or not. One listener. */
  onApplied: (entry: CommittedEntry, result: Result) => void;
  /** Called after a snapshot replaced the state. One listener. */
  onRestored: () => void;
  /** Called when the members of `status` changed, and that is committed. One listener. */
  onMembers: () => void;
  /** Never rejects; bounded: "busy" when too much is in flight. */
  propose(data: Buffer): Promise<Proposed<Result>>;
  /** Resolves "ok" once reads of this node's applied state are linearizable: a quorum round that began after the call (RELIABILITY R-18). */
  readBarrier(): Promise<"ok" | "notLeader">;
  /** Never rejects; resolves when the new set of members is committed. */
  change(change: MemberChange): Promise<Changed>;
  /** Hands leadership to this voter, or to the one that is furthest. */
  transfer(to?: number): Promise<Transferred>;
  /** The state machine's state now, and its place in the log. */
  snapshot(): Snapshot;
  status(): ConsensusStatus;
  close(): Promise<void>;
}

/** One member of the quorum by its id; the address is "host:port" of its gRPC server. */
export type Member = { id: number; address: string };

/** Result type of a state machine. */
export type ResultOf<M> = M extends StateMachine<infer Result> ? Result : never;

export type { Kv };
