import { assert } from "@odradek/kit";
import { validateBatches } from "@odradek/protocol";

import type { LocalReplica } from "./local-replica.ts";

/** What a leader's message about one partition led to. */
export type Taken = "taken" | "damaged" | "gap";

/** This broker's part as follower of one leader epoch. The stream that feeds it lives in the replica room. */
export class Follower {
  readonly leader: number;
  readonly epoch: number;
  readonly #replica: LocalReplica;
  /** Called when everything before the offset is in the page cache. */
  onWritten: (end: number) => void = () => {};

  constructor(replica: LocalReplica, leader: number, epoch: number) {
    this.#replica = replica;
    this.leader = leader;
    this.epoch = epoch;
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
   * Takes what the leader sent, as it stands in its log. damaged: a checksum does not match; gap: it does not continue our log;
   * either way nothing was taken, and the partition must be attached again.
   */
  take(data: { records: Buffer; high: number; start: number }): Taken {
    const { log } = this.#replica;
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
   * one below it, up to `end` at most (KIP-279); attaching again finds out whether that is far enough back.
   */
  diverged(at: { epoch: number; end: number }): void {
    const { derived, log } = this.#replica;
    const ours = derived.epochs.endOffsetFor(at.epoch, log.end);
    const end = ours.leaderEpoch < 0 ? at.end : Math.min(at.end, ours.endOffset);
    assert(end <= log.end, "a follower truncates within its log");
    this.#replica.truncateTo(Math.max(end, 0));
  }

  /** The leader's log starts after our end. */
  startAnewAt(start: number): void {
    this.#replica.startAnewAt(start);
  }
}
