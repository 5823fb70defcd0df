import { assert, type Files, type OpenFile } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import type { ReadPool } from "../disk/read-pool.ts";
import { fileName, SEGMENT_KINDS, type FileKind } from "./file-names.ts";
import { IndexCheck } from "./index-check.ts";
import { OffsetIndex } from "./offset-index.ts";
import { readBatches, type ReadLimits, type SegmentRead } from "./read-batches.ts";
import { Recent } from "./recent.ts";
import { TimeIndex, type MaxTimestamp } from "./time-index.ts";
import { Verified } from "./verified.ts";
import type { Bounds, Checked } from "./verify.ts";
import { CorruptLogError, walkHeaders, type Standing } from "./walk.ts";

/** Offsets in the indexes are 32-bit distances from the base offset (RELIABILITY L-23). */
export const OFFSET_DELTA_MAX = 0x7fff_ffff;

export type SegmentFiles = { readonly files: Files; readonly directory: string; readonly pool: ReadPool };
export type RollLimits = {
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
};

/** Where a segment is to be cut: in the file, in offsets, and the largest timestamp of what is left. */
export type SegmentCut = { readonly position: number; readonly end: number; readonly max: MaxTimestamp };

/**
 * A piece of a log: batches back to back in one .log file and two indexes over it. `append` queues without copying and `write` brings
 * all that is queued to the file in one call; only what is written can be read.
 */
export class Segment {
  readonly baseOffset: number;
  readonly #where: SegmentFiles;
  readonly #offsets: OffsetIndex;
  readonly #times: TimeIndex;
  readonly #recent = new Recent();
  /** What stands behind the names of its files while compaction makes it. */
  #suffix: string;
  /** Written by this process, or checked by it. */
  readonly verified = new Verified();
  #file: OpenFile | null = null;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Queued bytes included. */
  #size: number;
  #bytesSinceIndex = 0;
  #max: MaxTimestamp;
  /** Largest timestamp of the first batch, from which the age counts; null: not read yet or no batch. */
  #firstTimestamp: number | null = null;

  constructor(
    where: SegmentFiles,
    options: { baseOffset: number; size: number; entries: number; times: number; suffix?: string },
  ) {
    this.#where = where;
    this.baseOffset = options.baseOffset;
    this.#size = options.size;
    this.#suffix = options.suffix ?? "";
    this.#offsets = new OffsetIndex(where.files, this.#pathOf("index"), { ...options });
    this.#times = new TimeIndex(where.files, this.#pathOf("timeindex"), { ...options, entries: options.times });
    this.#max = this.#times.last();
  }

  get path(): string {
    return this.#pathOf("log");
  }

  /** Renames its files, the .log file last; open ones stay open. Returns the new paths. */
  renameTo(suffix: string): string[] {
    const { files } = this.#where;
    const found = SEGMENT_KINDS.map((kind) => ({ kind, from: this.#pathOf(kind) })).filter(({ from }) =>
      files.exists(from),
    );
    this.#suffix = suffix;
    for (const { kind, from } of found) files.rename(from, this.#pathOf(kind));
    this.#offsets.movedTo(this.#pathOf("index"));
    this.#times.movedTo(this.#pathOf("timeindex"));
    return found.map(({ kind }) => this.#pathOf(kind));
  }

  /** Bytes, those that wait for `write` included. */
  get size(): number {
    return this.#size;
  }

  get writtenSize(): number {
    return this.#size - this.#queuedBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes of the larger index. */
  get indexBytes(): number {
    return Math.max(this.#offsets.bytes, this.#times.bytes);
  }

  get max(): MaxTimestamp {
    return this.#max;
  }

  get offsets(): OffsetIndex {
    return this.#offsets;
  }

  /** Whether this segment is full for `bytes` more that start at `offset`, end at `lastOffset` and have this timestamp. */
  mustRollFor(
    next: { bytes: number; lastOffset: number; timestamp: number },
    limits: RollLimits,
    age: { wallMs: number; createdMs: number; msMax: number },
  ): boolean {
    if (next.lastOffset - this.baseOffset > OFFSET_DELTA_MAX) return true;
    if (this.#size === 0) return false;
    if (this.#size + next.bytes > limits.segmentBytes) return true;
    if (this.#offsets.count >= this.#offsets.entriesMax(limits.segmentIndexBytes)) return true;
    if (this.#times.count >= this.#times.entriesMax(limits.segmentIndexBytes) - 1) return true;
    const first = age.msMax === Infinity ? null : this.firstTimestamp();
    const ageMs = first === null || first < 0 ? age.wallMs - age.createdMs : next.timestamp - first;
    return ageMs > age.msMax;
  }

  /** Queues batches that stand back to back in `records`, which must stay untouched until `write`. */
  append(records: Buffer, batches: readonly Batch[], indexIntervalBytes: number): void {
    const first = batches[0];
    assert(first !== undefined, "an append has a batch");
    const origin = this.#size - first.at;
    if (this.#size === 0) this.#firstTimestamp = first.maxTimestamp;
    for (const batch of batches) this.#note(batch, origin + batch.at, indexIntervalBytes);
    this.#queue.push(records);
    this.#queuedBytes += records.length;
    this.#size += records.length;
  }

  /** Brings what is queued to the page cache. Throws when not all of it is there; the file then ends anywhere. */
  write(): void {
    if (this.#queuedBytes === 0) return;
    this.file().write(this.#queue, this.writtenSize);
    this.verified.add(this.writtenSize, this.#size);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  /** Drops what is queued. */
  forgetQueue(): void {
    this.#size -= this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#recent.clear();
  }

  /** Drops what is queued and cuts the file to the last write that succeeded (RELIABILITY L-10). */
  abandonQueue(): void {
    this.forgetQueue();
    this.file().truncate(this.#size);
  }

  /** Whole batches from the one that holds `from` on; see `readBatches` for null and "past". */
  read(from: number, limits: ReadLimits, bounds: Bounds): SegmentRead | "past" | null {
    const known = this.#recent.positionOf(from);
    const entry = known === null ? this.#offsets.entryFor(from) : null;
    const read = readBatches(
      {
        ...this.checked(bounds),
        position: known ?? entry?.position ?? 0,
        after: known === null ? this.baseOffset : from,
        lastOffset: entry?.offset ?? null,
        verified: this.verified,
      },
      from,
      limits,
    );
    if (read !== null && read !== "past") this.#recent.add(read.nextOffset, read.nextPosition);
    return read;
  }

  /** What is in the file, for whoever checks it. `end`: where the offsets of this segment end. */
  checked(bounds: Bounds, file = this.file()): Checked {
    const { pool } = this.#where;
    return { file, pool, size: this.writtenSize, base: this.baseOffset, ...bounds };
  }

  /** Compares the indexes of now with the batches that it is shown. */
  indexCheck(): IndexCheck {
    return new IndexCheck(this.#offsets, this.#times, this.baseOffset);
  }

  /** Puts batches that came from another replica in the place of damaged ones; of the same size, unless they end the segment. */
  async replace(position: number, size: number, records: Buffer): Promise<void> {
    const file = this.openAgain();
    try {
      if (size !== records.length) {
        assert(position + size === this.#size, "only the end of a sealed segment changes its length");
        file.truncate(position);
        this.#size = position + records.length;
      }
      file.write([records], position);
      await file.sync();
    } finally {
      file.close();
    }
    this.verified.add(position, position + records.length);
  }

  /** The .log file for one who reads it off the loop: nobody else closes it. */
  openAgain(): OpenFile {
    return this.#where.files.open(this.path);
  }

  /** Remembers that the batch with `offset` starts, or will start, at the end of what is there now. */
  markEnd(offset: number): void {
    this.#recent.add(offset, this.#size);
  }

  /** Headers of the written batches, from the one that holds `offset` on. */
  *headersFrom(offset: number): Generator<Standing, void, void> {
    const range = { from: this.#offsets.positionFor(offset), to: this.writtenSize };
    for (const standing of walkHeaders(this.file(), this.#where.pool, range))
      if (standing.batch.lastOffset >= offset) yield standing;
  }

  /** The header of the batch at a position or of the one that holds an offset; null when none can be there. Lives until the next read. */
  headerAt(position: number): Batch | null {
    return this.#firstHeader({ from: position, to: position + 1 }, this.baseOffset);
  }

  headerOf(offset: number): Batch | null {
    if (offset < this.baseOffset) return null;
    return this.#firstHeader({ from: this.#offsets.positionFor(offset), to: this.writtenSize }, offset);
  }

  /** Whether the end of the time index goes down, which it never does when it is right. */
  timesDescend(): boolean {
    return this.#times.endDescends();
  }

  /** Where the first written batch stands that ends at or behind `from` and has a timestamp ≥ `timestamp`. */
  firstSince(timestamp: number, from: number): { position: number; size: number } | null {
    if (this.#max.timestamp < timestamp) return null;
    const before = this.#times.before(timestamp);
    for (const { batch, position } of this.headersFrom(Math.max(from, before === null ? 0 : before.offset + 1)))
      if (batch.maxTimestamp >= timestamp) return { position, size: batch.size };
    return null;
  }

  /** What `cut` needs to cut off the batch that holds `offset` and all behind it; null: nothing is there to cut. Throws CorruptLogError. */
  cutFor(offset: number): SegmentCut | null {
    assert(this.#queuedBytes === 0, "truncation waits for the write");
    for (const { batch, position } of this.headersFrom(offset)) {
      const end = Math.min(offset, Math.max(batch.baseOffset, this.baseOffset));
      return { position, end, max: this.#maxBefore(position, end) };
    }
    return null;
  }

  /** Cuts the file and the indexes (RELIABILITY L-14). The segment ends at `end` then. */
  cut({ position, end, max }: SegmentCut): void {
    this.cutAt(position);
    this.#bytesSinceIndex = 0;
    this.#offsets.truncateTo(end);
    this.#times.truncateTo(end);
    this.#max = max;
  }

  /** Cuts the file; the indexes know nothing of what is cut. */
  cutAt(position: number): void {
    this.file().truncate(position);
    this.verified.remove(position, Infinity);
    this.#size = position;
    this.#recent.clear();
    if (position === 0) this.#firstTimestamp = null;
  }

  /** Forgets the indexes; `noteStored` for every batch builds them again. */
  forgetIndexes(): void {
    this.#offsets.clear();
    this.#times.clear();
    this.#recent.clear();
    this.#max = this.#times.last();
    this.#bytesSinceIndex = 0;
    this.#firstTimestamp = null;
  }

  /** A batch that already stands in the file, while indexes are built again. */
  noteStored(batch: Batch, position: number, indexIntervalBytes: number): void {
    if (position === 0) this.#firstTimestamp = batch.maxTimestamp;
    this.#note(batch, position, indexIntervalBytes);
  }

  /** Reads headers only. Throws CorruptLogError where one can't be right; the indexes then have what stands before. */
  rebuildIndexes(indexIntervalBytes: number): void {
    this.forgetIndexes();
    let after = this.baseOffset;
    for (const { batch, position } of walkHeaders(this.file(), this.#where.pool, { from: 0, to: this.writtenSize })) {
      const { baseOffset, lastOffset, maxTimestamp } = batch;
      const isInOrder =
        baseOffset >= after && lastOffset >= baseOffset && lastOffset - this.baseOffset <= OFFSET_DELTA_MAX;
      if (!isInOrder || !Number.isSafeInteger(maxTimestamp))
        throw new CorruptLogError(`${this.path} holds no batch at ${position}`);
      after = lastOffset + 1;
      this.noteStored(batch, position, indexIntervalBytes);
    }
  }

  /** -1 when the first batch has none, or can't be read: an append must not fail for that (RELIABILITY L-02). */
  firstTimestamp(): number | null {
    if (this.#firstTimestamp === null && this.writtenSize > 0)
      this.#firstTimestamp = this.headerAt(0)?.maxTimestamp ?? -1;
    return this.#firstTimestamp;
  }

  /** Brings the index files up to date while the segment still grows: other readers of the directory see them. Without a record there are none. */
  saveIndexes(): void {
    if (this.#size === 0) return;
    this.#offsets.save();
    this.#times.save();
  }

  /** Brings the indexes to their exact length, with the last word of the time index: at roll and close. */
  seal(): void {
    this.#times.append(this.#max);
    this.#offsets.seal();
    this.#times.seal();
  }

  /** Resolves once what was written before the call is on stable storage. */
  async sync(): Promise<void> {
    await this.file().sync();
  }

  async syncIndexes(): Promise<void> {
    await this.#offsets.sync();
    await this.#times.sync();
  }

  /** Lets go of the descriptors; the next use opens them again. */
  close(): void {
    assert(this.#queuedBytes === 0, "nothing waits when a segment is closed");
    this.#file?.close();
    this.#file = null;
    this.#offsets.close();
    this.#times.close();
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** The .log file, which is there: `createSegment` makes it. */
  file(): OpenFile {
    return (this.#file ??= this.#where.files.open(this.path));
  }

  #pathOf(kind: FileKind): string {
    return join(this.#where.directory, fileName(this.baseOffset, kind) + this.#suffix);
  }

  #firstHeader(range: { from: number; to: number }, offset: number): Batch | null {
    if (range.from < 0 || range.from >= this.writtenSize) return null;
    try {
      for (const { batch } of walkHeaders(this.file(), this.#where.pool, range))
        if (batch.lastOffset >= offset) return batch;
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error;
    }
    return null;
  }

  #maxBefore(position: number, end: number): MaxTimestamp {
    let max = this.#times.lastBelow(end);
    for (const standing of this.headersFrom(max.timestamp < 0 ? this.baseOffset : max.offset)) {
      if (standing.position >= position) break;
      const { maxTimestamp, lastOffset } = standing.batch;
      if (maxTimestamp > max.timestamp) max = { timestamp: maxTimestamp, offset: lastOffset };
    }
    return max;
  }

  #note(batch: Batch, position: number, indexIntervalBytes: number): void {
    // An empty batch keeps a time that no record has any more: nobody who looks for a time must be led to it.
    const timestamp = batch.recordsCount === 0 ? -1 : batch.maxTimestamp;
    if (timestamp > this.#max.timestamp) this.#max = { timestamp, offset: batch.lastOffset };
    if (this.#bytesSinceIndex > indexIntervalBytes) {
      this.#offsets.append(batch.lastOffset, position);
      this.#times.append(this.#max);
      this.#bytesSinceIndex = 0;
    }
    this.#bytesSinceIndex += batch.size;
  }
}
