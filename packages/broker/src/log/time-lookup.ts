import { Batch, readBatch } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";
import { DamagedError } from "../segment/verify.ts";
import type { Segment } from "../segment/segment.ts";
import type { Segments } from "./segments.ts";

export type FoundRecord = { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number };

type Lookup = { start: number; pool: ReadPool };

/** The first record, not below `start`, with a timestamp ≥ `timestamp`. Only the batches that may hold it are unpacked. */
export function firstRecordSince(segments: Segments, timestamp: number, options: Lookup): FoundRecord | null {
  for (let index = segments.floor(options.start); index < segments.count; index++) {
    const found = firstInSegment(segments.use(index), timestamp, options);
    if (found !== null) return found;
  }
  return null;
}

function firstInSegment(
  segment: Segment,
  timestamp: number,
  options: { start: number; pool: ReadPool },
): FoundRecord | null {
  let from = options.start;
  for (;;) {
    const place = segment.firstSince(timestamp, from);
    if (place === null) return null;
    const pooled = options.pool.take(place.size);
    try {
      segment.file().read(pooled.subarray(0, place.size), place.position);
      const batch = new Batch(pooled.subarray(0, place.size));
      if (batch.crc !== batch.computeCrc()) throw new DamagedError(`${segment.path} is damaged at ${place.position}`);
      const record = readBatch(batch).find((one) => one.timestamp >= timestamp && one.offset >= options.start);
      if (record !== undefined)
        return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: batch.partitionLeaderEpoch };
      from = batch.nextOffset;
    } finally {
      options.pool.give(pooled);
    }
  }
}

/** The largest timestamp of all records; -1: none has any. */
export const maxTimestampIn = (segments: Segments): number =>
  segments.all().reduce((max, segment) => Math.max(max, segment.max.timestamp), -1);
