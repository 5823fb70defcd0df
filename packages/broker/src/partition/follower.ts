import { assert } from "@odradek/kit";
import { validateBatches } from "@odradek/protocol";

import type { LocalReplica } from "./local-replica.ts";

/** Where a log starts over, and a snapshot of the producers whose batches stood before (RELIABILITY I-04). */
export type NewStart = { start: number; producers: Buffer };

/** What a leader's message about one partition led to. */
export type Taken = "taken" | "damaged" | "gap";

/** This broker's part as follower of one leader epoch. The stream that feeds it lives in the replica room. */
export class Follower {
  readonly leader: number;
  readonly epoch: number;
  readonly #replica: LocalReplica;
  /** Whether the newest picture of this epoch counts us among the in-sync replicas. */
  isInSync: boolean;
  /** Called when everything before the offset is in the page cache. */
  onWritten: (end: number) => void = () => {};

  constructor(replica: LocalReplica, options: { leader: number; epoch: number; isInSync: boolean }) {
    this.#replica = replica;
    const { leader, epoch, isInSync } = options;
    this.leader = leader;
    this.epoch = epoch;
    this.isInSync = isInSync;
    // An epoch as new as the leader's, in which we have no record, is of a tree that has gone back: we led in it and wrote nothing.
    const { derived, log } = replica;
    if (leader >= 0 && derived.epochs.latest >= epoch) derived.epochs.truncated(log.end);
  }

  /** Our log has records of a newer epoch than the leader's. They may be acknowledged, so they are not given up for it. */
  get isAhead(): boolean {
    return this.#replica.derived.epochs.latest > this.epoch;
  }

  /** Where our log stands: what an attach says. */
  get position(): { lastEpoch: number; end: number } {
    return { lastEpoch: this.#replica.derived.epochs.latest, end: this.#replica.log.end };
  }

  /**
   * Takes what the leader sent, as it stands in its log from the offset `from` on. damaged: a checksum does not match; gap: it does not
   * continue our log; either way nothing was taken, and the partition must be attached again. Offsets that compaction took out are no gap.
   */
  take(data: { records: Buffer; high: number; start: number }, from: number): Taken {
    const { log } = this.#replica;
    if (from !== log.end) return "gap";
    if (data.records.length > 0) {
      const validated = validateBatches(data.records, "leader");
      if (validated.is === "invalid") return "damaged";
      const first = validated.batches[0]!;
      if (first.baseOffset < log.end) return "gap";
      log.appendAsStored(data.records, validated.batches);
      this.#replica.afterWrite();
    }
    // KIP-101: the leader's high watermark says what is committed of what we both have.
    const high = Math.min(data.high, log.end);
    if (high > this.#replica.high.value) this.#replica.setHigh(high);
    if (data.start > log.start) log.moveStart(Math.min(data.start, log.end));
    return "taken";
  }

  /**
   * The leader's log parts from ours: it has `epoch` up to `end`. We keep what both have: our own part of that epoch, or of the largest
   * one below it, up to `end` at most (KIP-279); attaching again finds out whether that is far enough back. damaged: our log can't be cut
   * before it is mended, and is as it was.
   */
  diverged(at: { epoch: number; end: number }): "truncated" | "damaged" {
    return this.#replica.truncateTo(this.commonEnd(at));
  }

  /** Up to where both logs may be the same. */
  commonEnd(at: { epoch: number; end: number }): number {
    const { derived, log } = this.#replica;
    const ours = derived.epochs.endOffsetFor(at.epoch, log.end);
    const end = ours.leaderEpoch < 0 ? at.end : Math.min(at.end, ours.endOffset);
    assert(end <= log.end, "a follower truncates within its log");
    return Math.max(end, 0);
  }

  /**
   * Whether our copy may be given up. An in-sync replica's copy is one that an acknowledgement rests on, and it may be elected: it keeps all it
   * has until the damage is mended or the leader has dropped it (L-02). One that is not in sync may start over, as one below its leader's start
   * does (P-21): the leader has all that is committed, and nobody counts this copy before it has that again. The leader can't have taken us in
   * behind this picture's back: it takes in who is attached in its epoch, and a log that has been attached in an epoch does not part from the
   * leader's in it.
   */
  get mayStartAnew(): boolean {
    return !this.isInSync;
  }

  /** Where to start anew when our log is damaged: where it begins, with what we know of the producers before that. */
  get ownStart(): NewStart {
    const { log, derived } = this.#replica;
    return { start: log.start, producers: derived.snapshotBelow(log.start) };
  }

  /** Keeps what is known of producers from before a new start: a crash may come before or after. To be awaited before `startAnewAt`. */
  async prepareStart({ start, producers }: NewStart): Promise<void> {
    const { log } = this.#replica;
    try {
      await log.snapshots.prepare(start, producers);
    } catch (error) {
      if (!log.isOver) log.fail(error); // else its directory may be gone
      throw error;
    }
  }

  /** The leader's log starts after our end, or ours is damaged. */
  startAnewAt(start: number): void {
    this.#replica.startAnewAt(start);
  }
}
