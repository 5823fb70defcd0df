import type { OpenFile } from "@odradek/kit";
import { Batch, BATCH_HEADER_BYTES } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";
import { CorruptLogError, sizeOf } from "./walk.ts";

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

type Source = { file: OpenFile; pool: ReadPool; size: number; position: number };

/**
 * Reads whole batches from the one that holds `from` on, which stands at `source.position` or behind it. Null: that batch must not be
 * read (`upTo`) or does not fit. "past": every batch here ends below `from`, look in the next segment.
 */
export function readBatches(source: Source, from: number, limits: ReadLimits): SegmentRead | "past" | null {
  const { file, pool, size } = source;
  let position = source.position;
  let want = Math.max(limits.bytesMax, BATCH_HEADER_BYTES);
  while (position < size) {
    const pooled = pool.take(Math.min(want, size - position));
    const filled = file.read(pooled.subarray(0, Math.min(want, size - position)), position);
    const found = choose(pooled.subarray(0, filled), { from, limits, path: file.path, position });
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
      if (position + found.at + found.bytes > size)
        throw new CorruptLogError(`${file.path} ends inside the batch at ${position + found.at}`);
      want = found.bytes;
    }
    position += found.at;
  }
  return "past";
}

type Found =
  | { is: "batches"; start: number; end: number; nextOffset: number }
  | { is: "none" }
  /** The batch is at or behind `at`: read there. */
  | { is: "further"; at: number }
  /** The batch is at `at` but not whole: it has `bytes`. */
  | { is: "larger"; at: number; bytes: number };

function choose(bytes: Buffer, options: { from: number; limits: ReadLimits; path: string; position: number }): Found {
  const { from, limits } = options;
  let start = -1;
  let end = 0;
  let nextOffset = from;
  let at = 0;
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const batch = new Batch(bytes, at);
    const size = sizeOf(batch, { path: options.path, position: options.position + at });
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
  if (bytes.length - at >= BATCH_HEADER_BYTES) return { is: "none" };
  // A first batch whose header is cut off by the limit starts the next read; at a corrupt end it would do so for ever.
  return { is: "further", at: at === 0 ? bytes.length : at };
}

const done = (start: number, end: number, nextOffset: number): Found => ({ is: "batches", start, end, nextOffset });
