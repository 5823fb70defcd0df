import { hash } from "node:crypto";

import type { KvWrite } from "@odradek/kit";

import type { Entry, Position } from "./entry.ts";

/**
 * empty: a disk without a trace of a cluster. voter: whole. recovering: what it once promised may be lost, so it grants no vote and
 * counts for nothing until a leader has brought it up to date (RELIABILITY ).
 */
export type Standing = "empty" | "voter" | "recovering";

/**
 * Names the cluster, and who belongs to it: `members` vote, `learners` only follow. `addresses` are those of the ones that were added; the
 * founders' are configured on every node. What is absent is empty: the entry that founds a cluster has neither.
 */
export type Cluster = {
  id: string;
  members: number[];
  learners?: number[];
  addresses?: Record<string, string>;
};

/** A place in some log that is not ours yet. */
export type Place = { term: number; index: number };

/** What a node must remember besides its log. */
export type HardState = {
  term: number;
  /** `nobody`: not given to anyone and not to be given, because this disk may have forgotten whom it went to. */
  vote: number | null;
  standing: Standing;
  cluster: Cluster | null;
  /**
   * A node that lost part of its log promised it up to here, so it votes for no log that ends before. Null: our own log has
   * everything we promised, or (recovering) nobody knows what that was.
   */
  floor: Place | null;
};

/** A vote that is kept back. Members' ids start at 1. */
export const nobody = 0;

/** Raft §5.4.1: which of two logs is newer. */
export const isBefore = (one: Place, other: Place): boolean =>
  one.term < other.term || (one.term === other.term && one.index < other.index);

export function laterOf(one: Place | null, other: Place | null): Place | null {
  if (one === null || other === null) return one ?? other;
  return isBefore(one, other) ? other : one;
}

/** A row of the state machine. `before`: what the store has under its key, where the writer knows; null: nothing. It saves looking. */
export type StateRow = KvWrite & { before?: Buffer | null };

export type SnapshotInfo = Position & {
  readonly cluster: Cluster;
  readonly bytes: number;
  /** SHA-256 of the data. */
  readonly digest: Buffer;
};

export type Snapshot = { info: SnapshotInfo; data: Buffer };

export const digestOf = (data: Buffer): Buffer => hash("sha256", data, "buffer");

/**
 * One step of the store, all of it durable before it is reported as done. Steps are done in order, one after the other (RELIABILITY R-04).
 * In the order of its fields: promises first, then a snapshot that replaces everything, then what is cut off, then what is added.
 */
export type Write = {
  sequence: number;
  hard: HardState | null;
  install: { snapshot: Snapshot; writes: KvWrite[] } | null;
  /** The log ends here, before the entries are added. */
  truncateTo: Position | null;
  entries: Entry[];
  /** A snapshot was taken and the log begins after `base` now. */
  compact: { snapshot: Snapshot; base: Position } | null;
};

/** What the store knew when it was opened. */
export type Restored = {
  hard: HardState;
  base: Position;
  entries: Entry[];
  /** The state machine's state is that of this entry. */
  applied: number;
  /** Of the last snapshot taken; the log's base when there is none. */
  snapshotIndex: number;
};
