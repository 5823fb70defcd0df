import { assert, Watermark } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { createSegment } from "../segment/open-segment.ts";
import type { SegmentFiles } from "../segment/segment.ts";
import type { ReadLimits, SegmentRead } from "../segment/read-batches.ts";
import { load } from "./load.ts";
import { Inspection } from "./inspection.ts";
import type { LogOptions } from "./log-options.ts";
import { Removal } from "./removal.ts";
import { expiredIn } from "./retention.ts";
import { nextBase, Rolling } from "./rolling.ts";
import { SealedSegments } from "./sealed-segments.ts";
import type { Segments } from "./segments.ts";
import { Snapshots } from "./snapshots.ts";
import { Stability } from "./stability.ts";
import { planTruncation } from "./truncation.ts";
import { TimeLookup } from "./time-lookup.ts";

/**
 * Bytes that may wait for the end of the tick; more are written at once, while they are in the processor's cache, and what they were
 * received into is free for the next ones.
 */
const QUEUED_BYTES_MAX = 512 * 1024;

/**
 * One partition's log. `append` assigns places and queues the bytes; the end of the tick writes all that is queued in one call and moves
 * `written`. The first failure of the disk fences the log for good (RELIABILITY L-08): `failed` is set, `written` closed, appends throw.
 */
export class Log {
  /** Ends of batches that are in the page cache, and as safe as odradek.flush and flush.messages ask: what may be acknowledged. */
  readonly written: Watermark;
  readonly inspection: Inspection;
  readonly snapshots: Snapshots;
  readonly times: TimeLookup;
  readonly #options: LogOptions;
  readonly #where: SegmentFiles;
  readonly #segments: Segments;
  readonly #removal: Removal;
  readonly #stability: Stability;
  readonly #rolling: Rolling;
  /** The segments that take no more: what compaction reads and replaces. */
  readonly sealed: SealedSegments;
  #start: number;
  #end: number;
  #failed: Error | null = null;
  #closed = false;
  #writeScheduled = false;
  /** More is `stored` than `written` says. */
  onStored: () => void = () => {};

  private constructor(
    options: LogOptions,
    loaded: { segments: Segments; snapshots: Snapshots; start: number; end: number; synced: number },
  ) {
    this.#options = options;
    this.#where = options;
    this.#segments = loaded.segments;
    this.snapshots = loaded.snapshots;
    this.#removal = new Removal(options);
    this.#start = loaded.start;
    this.#end = loaded.end;
    this.written = new Watermark(options.clock, loaded.end);
    this.#rolling = new Rolling(options);
    const { segments } = loaded;
    const fail = (error: unknown): void => this.fail(error);
    this.times = new TimeLookup({ ...options, segments, log: this });
    this.sealed = new SealedSegments({ ...options, segments, removal: this.#removal, isOver: () => this.isOver, fail });
    this.inspection = new Inspection({ ...options, segments, sealed: this.sealed, end: () => this.#end });
    this.#stability = new Stability(
      { ...options, segments, acknowledgeable: this.written, fail },
      { synced: loaded.synced, written: loaded.end, namesSynced: options.cleanShutdown && loaded.end > 0 },
    );
  }

  /** Brings the log back from its directory, recovering what a crash left (see `load`). */
  static async open(options: LogOptions): Promise<Log> {
    const snapshots = new Snapshots(options.files, options.directory, options.logger);
    const startOffset = options.startOffset ?? 0;
    const { indexIntervalBytes } = options.config();
    const loading = { ...options, where: options, snapshots, startOffset, indexIntervalBytes };
    const { segments, end } = await load({ ...loading, rewrites: options.rewrites === true });
    const start = Math.max(startOffset, segments.first.baseOffset);
    options.derived.startMoved(start);
    const synced = options.cleanShutdown ? end : Math.min(options.recoveryPoint, end);
    const log = new Log(options, { segments, snapshots, start: Math.min(start, end), end, synced });
    if (start > end) log.truncateFullyAndStartAt(start);
    // What a crash left in the page cache counts from now on, so it must be as safe as what is acknowledged.
    if (log.#stability.isBehind) await log.flush();
    return log;
  }

  /** First offset that can be read. */
  get start(): number {
    return this.#start;
  }

  /** Next offset to assign; the bytes before it may still wait for the tick's write. */
  get end(): number {
    return this.#end;
  }

  /** Everything below is in the page cache: what followers may take, ahead of this disk. */
  get stored(): number {
    return this.#stability.written;
  }

  /** Everything below is on stable storage: the recovery point. */
  get synced(): number {
    return this.#stability.synced;
  }

  get size(): number {
    return this.#segments.size;
  }

  /** Why the log takes nothing any more. */
  get failed(): Error | null {
    return this.#failed;
  }

  /**
   * Leader: gives the batches that stand back to back in `records` their offsets and the leader epoch, in place, and queues them.
   * `records` must stay untouched until `written` has passed the last offset. Throws when the log has failed.
   */
  append(records: Buffer, batches: readonly Batch[], leaderEpoch: number): { baseOffset: number; lastOffset: number } {
    const baseOffset = this.#end;
    let offset = baseOffset;
    for (const batch of batches) {
      batch.baseOffset = offset;
      batch.partitionLeaderEpoch = leaderEpoch;
      offset += batch.lastOffsetDelta + 1;
    }
    this.#store(records, batches);
    return { baseOffset, lastOffset: offset - 1 };
  }

  /** Follower: queues batches as the leader stored them. The first starts at `end`, or behind it where compaction left a gap. */
  appendAsStored(records: Buffer, batches: readonly Batch[]): void {
    let end = this.#end;
    for (const batch of batches) {
      assert(batch.baseOffset >= end, `batch ${batch.baseOffset} does not continue a log that ends at ${end}`);
      end = batch.nextOffset;
    }
    this.#store(records, batches);
  }

  /**
   * Whole batches from the one that holds `from` on (it may start before `from`), all ending below `upTo`; null when there is none yet. The
   * buffer is pooled: call `release` once its bytes have left. Throws DamagedError where the disk holds something else (L-02).
   */
  read(from: number, limits: ReadLimits): SegmentRead | null {
    const upTo = Math.min(limits.upTo, this.stored);
    if (from >= upTo) return null;
    for (let index = this.#segments.floor(from); index < this.#segments.count; index++) {
      const read = this.#segments.use(index).read(from, { ...limits, upTo }, this.inspection.bounds(index));
      if (read !== "past") return read;
    }
    return null;
  }

  /** Headers of the written batches from the one that holds `from` on. Views: they live until the next step, without an `await` between. */
  batches(from: number): Generator<Batch, void, void> {
    return this.#segments.batches(from);
  }

  /**
   * Follower: drops everything from `offset` on, in the derived state too (RELIABILITY L-14, L-15, L-16). `end` is then at most `offset`.
   * Throws CorruptLogError, and has changed nothing, where damage hides what is to be cut or kept.
   */
  truncateTo(offset: number): void {
    this.#writeNow();
    this.#throwIfFailed();
    if (offset < this.#segments.first.baseOffset) return this.truncateFullyAndStartAt(offset);
    const log = { segments: this.#segments, snapshots: this.snapshots, derived: this.#options.derived };
    const { cut, end } = planTruncation({ ...log, fail: (error) => this.fail(error) }, { offset, end: this.#end });
    this.#guarded(() => {
      const kept = this.#segments.floor(offset) + 1;
      this.#removal.removeNewest(this.#segments.removeLast(this.#segments.count - kept));
      if (cut !== null) this.#segments.active.cut(cut);
      this.#endMovedBack(end);
    });
  }

  /** Follower: starts over, empty, at `offset`: the leader's log begins there (RELIABILITY P-21). A snapshot there says who sent what before. */
  truncateFullyAndStartAt(offset: number): void {
    this.#writeNow();
    this.#throwIfFailed();
    this.#guarded(() => {
      this.sealed.truncated(this.#segments.first.baseOffset);
      const old = this.#segments.all();
      for (const segment of old) segment.close();
      this.#removal.removeNewest(old);
      this.#segments.replaceAll(createSegment(this.#where, offset));
      this.#rolling.begun();
      this.snapshots.removeAllBut(offset);
      this.#options.derived.truncated(-1);
      this.snapshots.restore(this.#options.derived, offset);
      this.#start = offset;
      if (offset <= this.#end) this.#endMovedBack(offset);
      else {
        this.#end = offset;
        this.written.advance(offset);
      }
      this.#stability.restartAt(offset);
    });
  }

  /** Records below `offset` are no longer to be read (DeleteRecords, or the leader's start moved). Files go with `deleteOldSegments`. */
  moveStart(offset: number): void {
    assert(offset <= this.#end, "the log starts at or before its end");
    if (offset <= this.#start) return;
    this.#start = offset;
    this.#options.derived.startMoved(offset);
  }

  /** Removes whole segments that retention does not want any more and that end at or below the high watermark. Returns how many. */
  deleteOldSegments(high: number): number {
    this.#throwIfFailed();
    this.#segments.closeSealed(); // whoever still reads old records opens them again
    const bounds = { start: this.#start, high: Math.min(high, this.written.value), end: this.#end };
    const expired = expiredIn(this.#segments, { ...bounds, ...this.#rolling.age }, this.#options.config());
    if (expired === 0) return 0;
    return this.#guarded(() => {
      if (expired === this.#segments.count) this.#roll(this.#end);
      const count = this.snapshots.remembered(this.#options.derived, expired, this.#segments.bases());
      if (count === 0) return 0;
      this.#removal.removeOldest(this.#segments.removeFirst(count));
      const first = this.#segments.first.baseOffset;
      this.snapshots.removeBelow(first);
      if (first > this.#start) this.moveStart(first);
      return count;
    });
  }

  /** Nothing more can be done with this log: it is closed, or its disk has failed. */
  get isOver(): boolean {
    return this.#closed || this.#failed !== null;
  }

  /** Writes what the active segment's indexes hold only in memory. */
  saveIndexes(): void {
    if (this.#failed === null && !this.#closed) this.#guarded(() => this.#segments.active.saveIndexes());
  }

  /** Writes what waits for the end of the tick: whoever appended it may use its buffers again. */
  writeQueued(): void {
    if (!this.#closed) this.#writeNow();
  }

  /** Resolves once everything appended before the call is on stable storage. A failing disk fences the log and rejects. */
  async flush(): Promise<void> {
    this.#writeNow();
    this.#throwIfFailed();
    await this.#stability.flush(this.#end);
  }

  /** Writes and syncs everything, so that the next `open` with `cleanShutdown` needs to check nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.sealed.settled();
    try {
      if (this.#failed === null) await this.#settle();
    } finally {
      await this.abandon();
    }
  }

  /** Lets go of the files as they are, at once: the partition is deleted, or the disk has failed. Resolves when nothing is under way. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#removal.close();
    this.#segments.active.forgetQueue();
    this.#segments.closeSealed();
    this.#segments.active.close();
    this.written.close();
    await this.sealed.settled();
    await this.#stability.close();
    await this.snapshots.settled();
  }

  async #settle(): Promise<void> {
    this.#writeNow();
    this.#throwIfFailed();
    await this.snapshots.settled();
    this.snapshots.removeAbove(this.#end); // a new start that was prepared is off
    if (this.#segments.size === 0 && this.#stability.isUntouched) return;
    this.#guarded(() => this.#segments.active.seal());
    this.#stability.sealed(this.#segments.active);
    await this.#stability.flush(this.#end);
    await this.snapshots.save(this.#end, this.#options.derived.snapshot(), () => this.#segments.bases());
  }

  #store(records: Buffer, batches: readonly Batch[]): void {
    this.#throwIfFailed();
    assert(!this.#closed, "a closed log takes nothing");
    this.#guarded(() => {
      const bounds = { first: batches[0]!, last: batches.at(-1)! };
      if (!this.#rolling.isDue(this.#segments.active, records.length, bounds)) return this.#place(records, batches);
      for (const batch of batches) {
        if (this.#rolling.isDue(this.#segments.active, batch.size, { first: batch, last: batch }))
          this.#roll(nextBase(this.#end, batch));
        this.#place(batch.slice, [batch]);
      }
    });
    if (this.#segments.active.queuedBytes > QUEUED_BYTES_MAX) this.#writeNow();
    else this.#scheduleWrite();
  }

  #place(records: Buffer, batches: readonly Batch[]): void {
    this.#segments.active.append(records, batches, this.#options.config().indexIntervalBytes);
    for (const batch of batches) this.#options.derived.batch(batch);
    this.#end = batches.at(-1)!.nextOffset;
    this.#segments.active.markEnd(this.#end);
  }

  /** Seals the active segment and starts one at `baseOffset`. Never a second one at the same offset (L-14). */
  #roll(baseOffset: number): void {
    const { active } = this.#segments;
    if (active.baseOffset === baseOffset) return;
    active.write();
    const next = createSegment(this.#where, baseOffset);
    this.#rolling.begun();
    active.seal();
    this.#segments.add(next);
    this.#stability.rolled(this.#end, active);
    void this.#settleRoll(this.#end);
  }

  /** What a roll leaves to do off the loop: the sealed segment to stable storage (it bounds recovery), then its snapshot. */
  async #settleRoll(end: number): Promise<void> {
    const snapshot = this.#options.derived.snapshot();
    try {
      await this.#stability.flush(end);
      await this.snapshots.save(end, snapshot, () => this.#segments.bases());
    } catch (error) {
      if (!this.#closed) this.fail(error);
    }
  }

  #scheduleWrite(): void {
    if (this.#writeScheduled) return;
    this.#writeScheduled = true;
    this.#options.clock.afterTick(() => {
      this.#writeScheduled = false;
      if (!this.#closed) this.#writeNow();
    });
  }

  #writeNow(): void {
    if (this.#failed !== null) return;
    try {
      this.#segments.active.write();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#stability.wrote(this.#end);
    if (this.written.value < this.stored) this.onStored();
  }

  #endMovedBack(end: number): void {
    this.#end = end;
    this.sealed.truncated(end);
    if (end < this.written.value) this.written.retreat(end);
    this.#start = Math.min(this.#start, end);
    this.#stability.movedBack(end);
    this.#options.derived.truncated(end);
    this.snapshots.removeAbove(end);
  }

  #throwIfFailed(): void {
    if (this.#failed !== null)
      throw new Error(`the log in ${this.#where.directory} has failed`, { cause: this.#failed });
  }

  /** Runs what changes files; a disk that refuses fences the log. */
  #guarded<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Fences the log for good: its disk has failed, here or elsewhere. */
  fail(error: unknown): void {
    if (this.#failed !== null) return;
    this.#failed = error instanceof Error ? error : new Error(String(error));
    const fields = { evt: "log-failed", directory: this.#where.directory, err: error };
    this.#options.logger.error(fields, "the log has failed");
    this.written.close();
    if (this.#closed) return; // the path may lead to another log's file by now
    try {
      this.#segments.active.abandonQueue();
    } catch (truncation) {
      this.#options.logger.warn({ err: truncation }, "cannot cut the failed write off; recovery will");
    }
  }
}
