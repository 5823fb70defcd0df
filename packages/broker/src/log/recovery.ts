import type { Logger } from "@odradek/kit";
import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";
import { OFFSET_DELTA_MAX, type Segment } from "../segment/segment.ts";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a segment from its start, checks every batch, builds its indexes again and cuts it at the first batch that is not whole
 * (RELIABILITY L-01). Every good batch goes to `feed`, whole. `epoch`: the leader epoch before. `rewrites`: what is read is written again, for
 * after a failed sync the next one may succeed without having written it (L-11). Returns where the segment ends.
 */
export async function recoverSegment(
  segment: Segment,
  options: {
    pool: ReadPool;
    indexIntervalBytes: number;
    logger: Logger;
    epoch: number;
    feed: (batch: Batch) => void;
    rewrites: boolean;
  },
): Promise<{ end: number; epoch: number; bytesCut: number }> {
  const { pool } = options;
  const size = segment.writtenSize;
  segment.forgetIndexes();
  if (size === 0) return { end: segment.baseOffset, epoch: options.epoch, bytesCut: 0 };
  const file = segment.file();
  let chunk = pool.take(CHUNK_BYTES);
  let position = 0;
  let end = segment.baseOffset;
  let { epoch } = options;
  try {
    for (;;) {
      const filled = await file.readAsync(chunk.subarray(0, Math.min(chunk.length, size - position)), position);
      let at = 0;
      let bytesWanted = 0;
      while (filled - at >= BATCH_HEADER_BYTES) {
        const batch = new Batch(chunk, at);
        if (!plausible(batch, { end, epoch, base: segment.baseOffset }) || position + at + batch.size > size) break;
        if (at + batch.size > filled) {
          bytesWanted = batch.size;
          break;
        }
        if (batch.crc !== batch.computeCrc()) break;
        segment.noteStored(batch, position + at, options.indexIntervalBytes);
        options.feed(batch);
        end = batch.nextOffset;
        epoch = batch.partitionLeaderEpoch;
        at += batch.size;
      }
      if (options.rewrites && at > 0) file.write([chunk.subarray(0, at)], position);
      position += at;
      if (bytesWanted > chunk.length) {
        pool.give(chunk);
        chunk = pool.take(bytesWanted);
      } else if (at === 0 || position >= size) break;
    }
  } finally {
    pool.give(chunk);
  }
  const bytesCut = size - position;
  if (bytesCut > 0) {
    options.logger.warn({ evt: "log-cut", path: segment.path, position, bytesCut, end }, "cut a torn tail off the log");
    segment.cutAt(position);
  }
  return { end, epoch, bytesCut };
}

/**
 * Whether a header can be the next batch of the log; the checksum decides then. Offsets and leader epochs never go down: after a truncation
 * and a power loss, whole batches of the old tail may stand behind new ones.
 */
function plausible(batch: Batch, log: { end: number; epoch: number; base: number }): boolean {
  return (
    batch.magic === MAGIC &&
    batch.batchLength >= BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES &&
    batch.lastOffsetDelta >= 0 &&
    batch.baseOffset >= log.end &&
    batch.partitionLeaderEpoch >= log.epoch &&
    batch.lastOffset - log.base <= OFFSET_DELTA_MAX
  );
}
