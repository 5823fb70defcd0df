import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES } from "@odradek/protocol";
import type { Verified } from "./verified.ts";
import { type Checked, damaged, verifyBatches } from "./verify.ts";

export type ReadLimits = {
  readonly bytesMax: number;
  /** Only batches that end below this offset. */
  readonly upTo: number;
  /** The first batch counts even when it alone is larger than `bytesMax` (KIP-74). */
  readonly oneBatchAtLeast: boolean;
};

export type SegmentRead = {
  /** Whole batches, in a pooled buffer: theirs until `release`. */
  readonly records: Buffer;
  /** Offset and position after the last batch. */
  readonly nextOffset: number;
  readonly nextPosition: number;
  release(): void;
};

type Source = Checked & {
  /** At or before the batch to begin with. */
  readonly position: number;
  /** Offsets go on from here at `position`, or behind it. */
  readonly after: number;
  /** The last offset of the batch at `position`, as the index has it; null: the position is known otherwise. */
  readonly lastOffset: number | null;
  readonly verified: Verified;
};

/**
 * Reads whole batches from the one that holds `from` on, which stands at `source.position` or behind it. Null: that batch must not be
 * read (`upTo`) or does not fit. "past": every batch here ends below `from`, look in the next segment. What nobody has checked yet in this
 * process is checked here, with all that was skipped to find it; throws DamagedError rather than serve anything else (RELIABILITY L-02).
 */
export function readBatches(source: Source, from: number, limits: ReadLimits): SegmentRead | "past" | null {
  const { file, pool, size } = source;
  let { position } = source;
  if (position >= size && source.lastOffset !== null) throw damaged(source, position);
  let want = Math.max(limits.bytesMax, BATCH_HEADER_BYTES);
  while (position < size) {
    const pooled = pool.take(Math.min(want, size - position));
    const filled = file.read(pooled.subarray(0, Math.min(want, size - position)), position);
    const bytes = pooled.subarray(0, filled);
    let found: Found;
    try {
      if (position === source.position) checkAnchor(source, bytes);
      found = choose(bytes, { from, limits, source, position });
      if (found.is === "batches" || found.is === "none") verify(source, { position, end: found.end }, bytes);
    } catch (error) {
      pool.give(pooled);
      throw error;
    }
    if (found.is === "batches") {
      let released = false;
      return {
        records: pooled.subarray(found.start, found.end),
        nextOffset: found.nextOffset,
        nextPosition: position + found.end,
        release: () => {
          if (!released) pool.give(pooled);
          released = true;
        },
      };
    }
    pool.give(pooled);
    if (found.is === "none") return null;
    if (found.is === "larger") {
      if (found.bytes > limits.bytesMax && !limits.oneBatchAtLeast) return null;
      if (position + found.at + found.bytes > size) throw damaged(source, position + found.at);
      want = found.bytes;
    }
    position += found.at;
  }
  if (source.joins && from < source.end) throw damaged(source, size);
  if (!source.verified.covers(source.position, size))
    verifyBatches(source, { ...source, from: source.position, to: size });
  return "past";
}

/** An index entry must name the batch that it points to. */
function checkAnchor(source: Source, bytes: Buffer): void {
  if (source.lastOffset === null) return;
  if (bytes.length < BATCH_HEADER_BYTES || new Batch(bytes).lastOffset !== source.lastOffset)
    throw damaged(source, source.position);
}

/** Checks the batches up to `end` of `bytes`, which stand at `position`, and everything that was skipped on the way to them. */
function verify(source: Source, at: { position: number; end: number }, bytes: Buffer): void {
  const end = at.position + at.end;
  if (source.verified.covers(source.position, end)) return;
  verifyBatches(source, { ...source, from: source.position, to: end }, { position: at.position, bytes });
  source.verified.add(source.position, end);
}

type Found =
  | { is: "batches"; start: number; end: number; nextOffset: number }
  /** The batch that ends at `end` must not be read. */
  | { is: "none"; end: number }
  /** The batch is at or behind `at`: read there. */
  | { is: "further"; at: number }
  /** The batch is at `at` but not whole: it has `bytes`. */
  | { is: "larger"; at: number; bytes: number };

function choose(bytes: Buffer, options: { from: number; limits: ReadLimits; source: Source; position: number }): Found {
  const { from, limits } = options;
  let start = -1;
  let end = 0;
  let nextOffset = from;
  let at = 0;
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const batch = new Batch(bytes, at);
    if (batch.batchLength < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES)
      throw damaged(options.source, options.position + at);
    const { size } = batch;
    const { lastOffset } = batch;
    if (lastOffset >= from) {
      if (lastOffset >= limits.upTo) break;
      if (at + size > bytes.length) return start < 0 ? { is: "larger", at, bytes: size } : done(start, end, nextOffset);
      if (start < 0) start = at;
      else if (at + size - start > limits.bytesMax) break;
      end = at + size;
      nextOffset = lastOffset + 1;
    }
    at += size;
  }
  if (start >= 0) return done(start, end, nextOffset);
  if (bytes.length - at >= BATCH_HEADER_BYTES) return { is: "none", end: new Batch(bytes, at).next };
  // A first batch whose header is cut off by the limit starts the next read; at a corrupt end it would do so for ever.
  return { is: "further", at: at === 0 ? bytes.length : at };
}

const done = (start: number, end: number, nextOffset: number): Found => ({ is: "batches", start, end, nextOffset });
