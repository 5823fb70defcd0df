/** A record that a batch is refused for, by its place in the batch (KIP-467). */
export type RefusedRecord = { readonly index: number; readonly message: string };

/** What became of an append. `baseOffset` is -1 with an error. */
export type Appended = {
  error: number;
  baseOffset: number;
  /** -1: the topic keeps the producer's timestamps. */
  logAppendTimeMs: number;
  logStartOffset: number;
  /** A sentence for the client (KIP-467). */
  message?: string;
  /** The records that are to blame. */
  records?: readonly RefusedRecord[];
  /** Whom to ask instead (KIP-951). */
  leader?: { id: number; epoch: number };
};

export type AppendOptions = {
  acks: -1 | 0 | 1;
  timeoutMs: number;
  /** Only coordinators may append control batches. */
  origin: "client" | "coordinator";
};

/** What a fetch got. */
export type Read = {
  error: number;
  high: number;
  lastStable: number;
  logStart: number;
  /** Whole batches as stored, the first may start before the offset asked for; pooled: call `release` when they have left the process. */
  records: Buffer | null;
  release(): void;
  /** The reader's log parts from ours: everything from `endOffset` of `epoch` on must go (KIP-595). */
  diverging?: { epoch: number; endOffset: number };
  leader?: { id: number; epoch: number };
};

export type ReadOptions = {
  offset: number;
  bytesMax: number;
  /** A first batch above `bytesMax` comes whole all the same (KIP-74). */
  oneBatchAtLeast: boolean;
  /** -1: not checked. */
  leaderEpoch: number;
  /** -1: not checked. */
  lastFetchedEpoch: number;
  isolation: "uncommitted" | "committed";
  /** The reader is content with a follower and with what that one knows to be committed (KIP-392). */
  mayFollow?: boolean;
};

/** What a follower's request to follow a partition is answered with (proto/replication.proto). */
export type Attachment =
  | { is: "attached"; following: Following }
  | { is: "diverged"; epoch: number; end: number }
  | { is: "fenced"; leaderEpoch: number }
  | { is: "unknown" }
  | { is: "belowStart"; start: number; producers: Buffer };

export type AttachRequest = {
  broker: number;
  incarnation: string;
  leaderEpoch: number;
  /** -1: the follower's log is empty. */
  lastEpoch: number;
  end: number;
};

/** How the leader tells a follower's stream what happens to one partition. */
export type FollowListener = {
  /** There may be more to read, or a mark has moved. */
  progressed(): void;
  /** The log has been examined, and mended as far as it could be: what was damaged may be read again. */
  examined(): void;
  /** This broker leads no longer in the epoch of the attachment. */
  ended(): void;
};

/** One attached follower, leader side. */
export type Following = {
  /** End of what can be read. */
  readonly end: number;
  readonly high: number;
  readonly start: number;
  readonly isInSync: boolean;
  /** Whether the topic names this replica for the leader's, and for the follower's rate (KIP-73). */
  readonly throttledBy: { readonly leader: boolean; readonly follower: boolean };
  /** damaged: nothing from there on can be read before the log has been examined (`FollowListener`). */
  read(from: number, bytesMax: number): { records: Buffer; release(): void } | "damaged" | null;
  /** The follower has everything before `end`, and its log begins at `start`. */
  acknowledged(end: number, start: number): void;
  /** The stream ended: nothing of this follower is kept. */
  detach(): void;
};
