import { assert, type Clock, delay, type Reached, Watermark } from "@odradek/kit";
import { ErrorCode } from "@odradek/protocol";

import type { Appended, AppendOptions, Attachment, AttachRequest, FollowListener, Following } from "./answers.ts";
import { lists } from "../config.ts";
import { admit } from "./admission.ts";
import type { Assignment, InSyncStore, Peer } from "./assignment.ts";
import { GiveWay } from "./give-way.ts";
import { InSync, type InSyncView, type WantedChange } from "./in-sync.ts";
import type { LocalReplica } from "./local-replica.ts";
import { Tail } from "./tail.ts";

export type LeaderParts = {
  brokerId: number;
  clock: Clock;
  inSyncStore: InSyncStore;
  peers: () => ReadonlyMap<number, Peer>;
  lagTimeMsMax: number;
};

/** What stands in the log, or will with the tick's write; `high` is the high watermark of the role that took it. */
type Stored = { baseOffset: number; lastOffset: number; logAppendTimeMs: number; high: Watermark };

/** A change of the in-sync replicas that was refused is tried again after this. */
const RETRY_MS = 500;

/** Leadership of one partition in one leader epoch; a new epoch has a new object. */
export class Leader {
  readonly epoch: number;
  readonly epochStart: number;
  readonly #parts: LeaderParts;
  readonly #replica: LocalReplica;
  readonly #inSync: InSync;
  readonly #giveWay: GiveWay;
  readonly #followers = new Map<number, Follower>();
  readonly tail = new Tail();
  #assignment: Assignment;
  #unsettled: WantedChange | null = null;
  #retryAtMs = 0;
  #ended = false;
  /** Where the logs of all in-sync replicas begin at least; brought up to date while somebody waits. */
  readonly #low: Watermark;

  constructor(parts: LeaderParts, replica: LocalReplica, assignment: Assignment) {
    this.#parts = parts;
    this.#replica = replica;
    this.#assignment = assignment;
    this.epoch = assignment.leaderEpoch;
    this.epochStart = replica.log.end;
    // KAFKA-7415, P-06: the epoch is known from its first moment, entries or not.
    assert(replica.derived.epochs.latest < this.epoch, `${replica}: a leader's epoch is newer than its log`);
    replica.derived.epochs.begin(this.epoch, this.epochStart);
    this.#giveWay = new GiveWay(parts, replica);
    this.#low = new Watermark(parts.clock, 0);
    const { brokerId: self, clock, lagTimeMsMax } = parts;
    this.#inSync = new InSync({ self, lagTimeMsMax, assignment, nowMs: clock.now() });
    this.progressed();
  }

  get isr(): readonly number[] {
    return this.#inSync.isr;
  }

  /** Until everything before the epoch is known to be committed, the high watermark may be older than what clients have seen (K-05). */
  get highIsCurrent(): boolean {
    return this.#replica.high.value >= this.epochStart;
  }

  /** Decides at once, and writes; the promise settles when the acks that were asked for are there. */
  append(records: Buffer, options: AppendOptions): Promise<Appended> {
    if (this.#giveWay.isUnderWay) return this.#refused(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    if (options.acks === -1 && this.#inSync.isBelowMinimum) return this.#refused(ErrorCode.NOT_ENOUGH_REPLICAS);
    const { log, high } = this.#replica; // a write that fails within `append` ends this role, and the next has a watermark of its own
    const admitted = admit(records, this.#replica, { origin: options.origin, wallMs: this.#parts.clock.wallMs() });
    if (admitted.is === "refused") return this.#refused(admitted.error, admitted);
    if (admitted.is === "duplicate") {
      // Under the request's own acks: acks=all waits for the original to be committed (DESIGN D6).
      return this.#acknowledged({ ...admitted, logAppendTimeMs: admitted.timestamp, high }, options);
    }
    const { baseOffset, lastOffset } = log.append(admitted.records, admitted.batches, this.epoch);
    if (options.acks === -1) this.tail.hold(baseOffset, lastOffset + 1, admitted.records);
    this.#replica.afterWrite();
    return this.#acknowledged({ baseOffset, lastOffset, logAppendTimeMs: admitted.logAppendTimeMs, high }, options);
  }

  /** A follower wants to follow from its end on (KIP-101, KIP-279, KIP-595). */
  attach(request: AttachRequest, listener: FollowListener): Attachment {
    if (request.leaderEpoch < this.epoch) return { is: "fenced", leaderEpoch: this.epoch };
    if (request.leaderEpoch > this.epoch || this.#ended) return { is: "unknown" };
    // It has heard of a move before us. Taken now, it would copy and never count; it asks again in a moment.
    if (!this.#assignment.replicas.includes(request.broker)) return { is: "unknown" };
    const { log, derived } = this.#replica;
    // Nobody can have more of an epoch than its leader, nor a newer one.
    if (request.lastEpoch > this.epoch || (request.lastEpoch === this.epoch && request.end > log.end)) {
      this.#giveWay.to(request, this.#assignment, this.epochStart);
      return { is: "unknown" };
    }
    if (request.end < log.start)
      return { is: "belowStart", start: log.start, producers: derived.snapshotBelow(log.start) };
    if (request.lastEpoch >= 0) {
      const ours = derived.epochs.endOffsetFor(request.lastEpoch, log.end);
      // Nothing of ours is that old: the follower's log has nothing in common with what we still have.
      if (ours.leaderEpoch < 0) return { is: "diverged", epoch: request.lastEpoch, end: log.start };
      if (ours.leaderEpoch !== request.lastEpoch || ours.endOffset < request.end)
        return { is: "diverged", epoch: ours.leaderEpoch, end: Math.min(ours.endOffset, request.end) };
    } else if (request.end > log.end) return { is: "diverged", epoch: -1, end: log.end };
    this.#followers.get(request.broker)?.listener.ended();
    const follower = new Follower(this, request.broker, listener);
    this.#followers.set(request.broker, follower);
    this.#inSync.attached(request.broker, request, this.#now());
    this.progressed();
    return { is: "attached", following: follower };
  }

  /** A newer picture of the same epoch. */
  update(assignment: Assignment): void {
    if (assignment.version > this.#assignment.version) this.#giveWay.renewed();
    this.#assignment = assignment;
    this.#inSync.update(assignment, this.#parts.clock.now());
    if (this.#unsettled !== null && !this.#inSync.isProposing) this.#unsettled = null;
    this.progressed();
  }

  /** Called now and then: who has fallen behind leaves the in-sync replicas. */
  check(): void {
    this.progressed();
  }

  /** Followers may take more than this leader may count: their disks need not wait for ours. */
  stored(): void {
    for (const follower of this.#followers.values()) follower.listener.progressed();
  }

  /** More of ours may be acknowledged than before. */
  written(previousEnd: number): void {
    this.#inSync.ownEndMoved(previousEnd, this.#parts.clock.now());
    this.progressed();
  }

  end(): void {
    this.#ended = true;
    for (const follower of [...this.#followers.values()]) follower.listener.ended();
    this.#followers.clear();
    this.#low.close();
  }

  /** Resolves when nobody in sync would show records below `offset` as the leader (DeleteRecords). */
  startReached(offset: number, options: { timeoutMs: number }): Promise<Reached> {
    const reached = this.#low.reached(offset, options);
    this.progressed();
    return reached;
  }

  /** Re-evaluates all that follows from offsets and from the in-sync replicas. */
  progressed(): void {
    if (this.#ended) return;
    const { high } = this.#replica;
    this.#replica.setHigh(this.#inSync.highWatermark({ ...this.#now(), high: high.value }));
    if (this.#low.waiting > 0) this.#moveLow();
    for (const follower of this.#followers.values()) follower.listener.progressed();
    this.#considerChange();
  }

  /** The log has been examined: followers that waited at damage try again. */
  examined(): void {
    for (const follower of this.#followers.values()) follower.listener.examined();
    this.progressed();
  }

  acknowledged(follower: Follower, { end, start }: { end: number; start: number }): void {
    if (this.#followers.get(follower.broker) !== follower) return;
    follower.logStart = start;
    this.#inSync.acknowledged(follower.broker, Math.min(end, this.#replica.log.end), this.#now());
    this.progressed();
  }

  detach(follower: Follower): void {
    if (this.#followers.get(follower.broker) !== follower) return;
    this.#followers.delete(follower.broker);
    this.#inSync.detached(follower.broker, this.#now());
  }

  isInSync(broker: number): boolean {
    return this.#inSync.maximal.includes(broker);
  }

  holders(offset: number): { id: number; end: number }[] {
    return this.isr.map((id) => ({ id, end: this.#inSync.endOf(id) })).filter(({ end }) => end >= Math.max(0, offset));
  }

  get self(): number {
    return this.#parts.brokerId;
  }

  get replica(): LocalReplica {
    return this.#replica;
  }

  #now(): { ownEnd: number; nowMs: number } {
    return { ownEnd: this.#replica.log.written.value, nowMs: this.#parts.clock.now() };
  }

  #refused(error: number, why: Pick<Appended, "message" | "records"> = {}): Promise<Appended> {
    const { message, records } = why;
    const answer = { error, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: this.#replica.log.start };
    return Promise.resolve({ ...answer, ...(message && { message }), ...(records && { records }) });
  }

  async #acknowledged(stored: Stored, options: AppendOptions): Promise<Appended> {
    const answer = await this.#waited(stored, options);
    this.tail.release(stored.baseOffset);
    // Whoever gave the records may use their buffer again now, and the tick's write may still be to come (K-07).
    if (answer.error !== ErrorCode.NONE) this.#replica.log.writeQueued();
    return answer;
  }

  async #waited(stored: Stored, options: AppendOptions): Promise<Appended> {
    const { log } = this.#replica;
    const { baseOffset, logAppendTimeMs, high } = stored;
    const answer = { error: ErrorCode.NONE as number, baseOffset, logAppendTimeMs, logStartOffset: log.start };
    const next = stored.lastOffset + 1;
    const { timeoutMs } = options;
    if (options.acks !== -1) {
      const written = await log.written.reached(next, { timeoutMs });
      if (written === "timeout") return { ...answer, error: ErrorCode.REQUEST_TIMED_OUT, baseOffset: -1 };
      if (written === "closed") return { ...answer, error: ErrorCode.KAFKA_STORAGE_ERROR, baseOffset: -1 };
      return answer;
    }
    const reached = await high.reached(next, { timeoutMs });
    if (reached === "timeout") return { ...answer, error: ErrorCode.REQUEST_TIMED_OUT, baseOffset: -1 };
    if (reached === "closed") {
      const error = log.failed === null ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.KAFKA_STORAGE_ERROR;
      return { ...answer, error, baseOffset: -1 };
    }
    if (this.#inSync.isBelowMinimum)
      return { ...answer, error: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, baseOffset: -1 };
    return answer;
  }

  #moveLow(): void {
    const others = this.#inSync.maximal.filter((id) => id !== this.self);
    const starts = others.map((id) => this.#followers.get(id)?.logStart ?? -1);
    this.#low.advance(Math.max(this.#low.value, Math.min(this.#replica.log.start, ...starts)));
  }

  #considerChange(): void {
    const { clock, peers } = this.#parts;
    if (clock.now() < this.#retryAtMs) return;
    const high = this.#replica.high.value;
    const view: InSyncView = { ...this.#now(), high, epochStart: this.epochStart, peers: peers() };
    const wanted = this.#unsettled ?? this.#inSync.wanted(view);
    if (wanted === null) return;
    this.#unsettled = null;
    this.#retryAtMs = Infinity;
    if (!this.#inSync.isProposing) this.#inSync.proposed(wanted);
    void this.#propose(wanted);
  }

  async #propose(change: WantedChange): Promise<void> {
    const { clock, inSyncStore } = this.#parts;
    const { topic, partition, isr: from } = this.#assignment;
    const { logger } = this.#replica;
    try {
      const outcome = await inSyncStore.propose({ topic, partition, leaderEpoch: this.epoch, ...change });
      const fields = { evt: "isr-change", partition: `${this.#replica}`, from, to: change.isr, outcome };
      // While the store can't be reached every partition is refused once a second.
      logger[outcome === "accepted" ? "info" : "debug"](fields, "in-sync replicas");
      this.#inSync.decided(change, outcome);
      if (outcome === "rejected") await delay(clock, RETRY_MS);
    } catch (error) {
      logger.warn(
        { evt: "isr-change-unknown", partition: `${this.#replica}`, err: error },
        "in-sync replicas: no answer",
      );
      this.#inSync.decided(change, "unknown");
      this.#unsettled = change;
      await delay(clock, RETRY_MS);
    }
    this.#retryAtMs = 0;
    this.progressed();
  }
}

class Follower implements Following {
  readonly broker: number;
  /** Where its log begins; -1: it has not said. */
  logStart = -1;
  readonly listener: FollowListener;
  readonly #leader: Leader;

  constructor(leader: Leader, broker: number, listener: FollowListener) {
    this.#leader = leader;
    this.broker = broker;
    this.listener = listener;
  }

  get end(): number {
    return this.#leader.replica.log.stored;
  }

  get high(): number {
    return this.#leader.replica.high.value;
  }

  get start(): number {
    return this.#leader.replica.log.start;
  }

  get isInSync(): boolean {
    return this.#leader.isInSync(this.broker);
  }

  get throttledBy(): { leader: boolean; follower: boolean } {
    const { config, index } = this.#leader.replica;
    return {
      leader: lists(config.leaderThrottled, index, this.#leader.self),
      follower: lists(config.followerThrottled, index, this.broker),
    };
  }

  read(from: number, bytesMax: number): { records: Buffer; release(): void } | "damaged" | null {
    const limits = { bytesMax, upTo: this.end };
    const records = this.#leader.tail.at(from, limits);
    if (records !== null) return { records, release: () => {} };
    return this.#leader.replica.read(from, { ...limits, oneBatchAtLeast: true });
  }

  acknowledged(end: number, start: number): void {
    this.#leader.acknowledged(this, { end, start });
  }

  detach(): void {
    this.#leader.detach(this);
  }
}
