import type { LogRecord } from "@odradek/protocol";
import type { Route } from "../cluster/metadata.ts";
import type { At, Partition } from "../cluster/offsets.ts";

/** Records of one partition, in order, as handed to the application. Keys and values are Buffers or null. */
export type ConsumedBatch = Partition & {
  readonly records: readonly LogRecord[];
  /** Where the next batch begins: what to commit when this one is done. */
  readonly nextOffset: number;
  /** The offset after the newest record that all in-sync replicas have. */
  readonly highWatermark: number;
};

/** Where to begin: an offset, a place, or what the group has committed and else the reset policy. */
export type Start = number | At | "committed";

/**
 * What the consumer knows of one assigned partition. A seek or a new assignment makes a new one, so whoever comes back with
 * an answer can see whether it is still asked for.
 */
export class Position {
  readonly topic: string;
  readonly partition: number;
  /** The topic in which `fetchOffset` counts; null until the cluster has said which it is. */
  topicId: string | null = null;
  /** How to find `fetchOffset` while that is null. */
  start: Start;
  /** The next offset to fetch; null until it is found. */
  fetchOffset: number | null;
  /** In which the batch before `fetchOffset` was written, by which a leader sees that its log is another (KIP-320); -1: unknown. */
  fetchEpoch = -1;
  /** The offset after what has been handed out; null before anything is known. */
  consumed: number | null;
  /** In which the last batch that was handed out was written; -1: unknown. */
  consumedEpoch = -1;
  committed: number | null = null;
  /** Fetched, not yet handed out. */
  buffered: ConsumedBatch | null = null;
  /** Of the clock's `now`: no attempt before that. */
  notBeforeMs = 0;
  failures = 0;
  /** Whom the last attempt went by; null: nobody was known to lead. */
  route: Route | null = null;
  /** The last attempt has failed because the partition is led from elsewhere. */
  isAstray = false;
  /** The follower to read from, by the leader's word, and until when that holds (KIP-392). */
  follower: { readonly broker: number; readonly untilMs: number } | null = null;
  /** Of the clock's `now`: a follower has failed, and until then the leader is not asked to name one, for it would name the same again. */
  leaderOnlyUntilMs = 0;

  constructor({ topic, partition }: Partition, start: Start) {
    this.topic = topic;
    this.partition = partition;
    this.start = start;
    this.fetchOffset = typeof start === "number" ? start : null;
    this.consumed = this.fetchOffset;
  }

  begin(offset: number, leaderEpoch = -1): void {
    this.fetchOffset = offset;
    this.fetchEpoch = leaderEpoch;
    this.consumed = offset;
    this.consumedEpoch = leaderEpoch;
    this.failures = 0;
  }
}
