import { Batch, BATCH_HEADER_BYTES } from "@odradek/protocol";
import type { Segment } from "../segment/segment.ts";
import { type Bounds, damaged, epochFits, fits } from "../segment/verify.ts";

/** What is handled at one go: it bounds how long the loop is held up. A larger batch comes alone. */
const SLICE_BYTES = 128 * 1024;

/** Whole batches that stand back to back; they live until the next slice is asked for. */
export type Slice = { readonly batches: readonly Batch[]; readonly bytes: number; readonly isLast: boolean };

/**
 * All batches of a sealed segment, read off the loop through a descriptor of its own, so that neither readers nor a deletion are in the
 * way. What is written anew counts as right from then on, so everything that tells of damage is looked at: checksums, and offsets and leader
 * epochs, which stand outside them (RELIABILITY L-02). Damage is thrown as CorruptLogError, at the latest behind the last slice.
 */
export async function* slicesOf(segment: Segment, bounds: Bounds): AsyncGenerator<Slice, void, void> {
  const file = segment.openAgain();
  const checked = segment.checked(bounds, file);
  const { pool, size } = checked;
  let after = checked.base;
  let chunk = pool.take(SLICE_BYTES);
  try {
    for (let position = 0; position < size;) {
      const filled = await file.readAsync(chunk.subarray(0, Math.min(chunk.length, size - position)), position);
      const batches: Batch[] = [];
      let at = 0;
      let bytesWanted = BATCH_HEADER_BYTES;
      while (filled - at >= BATCH_HEADER_BYTES) {
        const batch = new Batch(chunk, at);
        if (!fits(batch, position + at, { checked, after })) throw damaged(checked, position + at);
        bytesWanted = batch.size;
        if (at + bytesWanted > filled) break;
        if (batch.crc !== batch.computeCrc() || !epochFits(batch, checked)) throw damaged(checked, position + at);
        batches.push(batch);
        after = batch.nextOffset;
        at += bytesWanted;
      }
      position += at;
      if (at > 0) yield { batches, bytes: at, isLast: position === size };
      else if (bytesWanted <= chunk.length) throw damaged(checked, position);
      else {
        pool.give(chunk);
        chunk = pool.take(bytesWanted);
      }
    }
    if (checked.joins && after !== checked.end) throw damaged(checked, size);
  } finally {
    pool.give(chunk);
    file.close();
  }
}
