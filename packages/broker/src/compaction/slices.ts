import { Batch, BATCH_HEADER_BYTES, MAGIC } from "@odradek/protocol";
import type { Files } from "@odradek/kit";
import type { ReadPool } from "../disk/read-pool.ts";
import type { Segment } from "../segment/segment.ts";
import { CorruptLogError, sizeOf } from "../segment/walk.ts";

/** What is handled at one go: it bounds how long the loop is held up. A larger batch comes alone. */
const SLICE_BYTES = 128 * 1024;

/** Whole batches that stand back to back; they live until the next slice is asked for. */
export type Slice = { readonly batches: readonly Batch[]; readonly bytes: number; readonly isLast: boolean };

/**
 * All batches of a sealed segment, read off the loop through a descriptor of its own, so that neither readers nor a deletion are in the
 * way. Every checksum is looked at; damage is thrown as CorruptLogError.
 */
export async function* slicesOf(
  { files, pool }: { files: Files; pool: ReadPool },
  segment: Segment,
): AsyncGenerator<Slice, void, void> {
  const file = files.open(segment.path);
  const { path, size } = segment;
  let chunk = pool.take(SLICE_BYTES);
  try {
    for (let position = 0; position < size;) {
      const filled = await file.readAsync(chunk.subarray(0, Math.min(chunk.length, size - position)), position);
      const batches: Batch[] = [];
      let at = 0;
      let bytesWanted = BATCH_HEADER_BYTES;
      while (filled - at >= BATCH_HEADER_BYTES) {
        const batch = new Batch(chunk, at);
        bytesWanted = sizeOf(batch, { path, position: position + at });
        if (position + at + bytesWanted > size) break;
        if (at + bytesWanted > filled) break;
        if (batch.magic !== MAGIC || batch.crc !== batch.computeCrc())
          throw new CorruptLogError(`${path} is damaged at ${position + at}: the checksum does not match`);
        batches.push(batch);
        at += bytesWanted;
      }
      if (at === 0 && position + bytesWanted > size)
        throw new CorruptLogError(`${path} ends inside the batch at ${position}`);
      position += at;
      if (at > 0) yield { batches, bytes: at, isLast: position === size };
      else if (bytesWanted <= chunk.length) throw new CorruptLogError(`${path} is shorter than ${size} bytes`);
      else {
        pool.give(chunk);
        chunk = pool.take(bytesWanted);
      }
    }
  } finally {
    pool.give(chunk);
    file.close();
  }
}
