import { batchesIn } from "@odradek/protocol";
import type { SegmentRead } from "../segment/read-batches.ts";

/**
 * Reads for a consumer: what compaction has left of a stretch may be nothing but empty batches, and some clients (kafkajs) ask for the same
 * offset for ever when an answer holds no record. So a read goes on to the first record; if there is none yet, the empty batches are it.
 */
export function readRecords(
  from: number,
  readAt: (offset: number) => SegmentRead | "damaged" | null,
): SegmentRead | "damaged" | null {
  const first = readAt(from);
  if (first === null || first === "damaged" || holdsRecord(first.records)) return first;
  for (let offset = first.nextOffset; ;) {
    const read = readAt(offset);
    if (read === null || read === "damaged") return first;
    if (holdsRecord(read.records)) {
      first.release();
      return read;
    }
    offset = read.nextOffset;
    read.release();
  }
}

function holdsRecord(records: Buffer): boolean {
  for (const batch of batchesIn(records)) if (batch.recordsCount > 0) return true;
  return false;
}
