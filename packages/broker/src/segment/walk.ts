import type { OpenFile } from "@odradek/kit";
import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";

const CHUNK_BYTES = 64 * 1024;

/** A batch's header as it stands in a file; `batch` is a view that only lives until the next step. Its records may not be in it. */
export type Standing = { batch: Batch; position: number };

/** Stored bytes that can't be a batch: the disk lied or somebody else wrote here (RELIABILITY L-02). */
export class CorruptLogError extends Error {
  override readonly name: string = "CorruptLogError";
}

/** The size of a batch as its header says; a header that can't be right is thrown as corrupt. */
export function sizeOf(batch: Batch, where: { path: string; position: number }): number {
  if (batch.batchLength < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES)
    throw new CorruptLogError(`${where.path} holds no batch at ${where.position} (length ${batch.batchLength})`);
  return batch.size;
}

/** The headers of the batches that start in [from, to), read piece by piece. */
export function* walkHeaders(
  file: OpenFile,
  pool: ReadPool,
  range: { from: number; to: number },
): Generator<Standing, void, void> {
  const chunk = pool.take(CHUNK_BYTES);
  try {
    let position = range.from;
    while (position < range.to) {
      const wanted = Math.min(chunk.length, Math.max(range.to - position, BATCH_HEADER_BYTES));
      const filled = file.read(chunk.subarray(0, wanted), position);
      if (filled < BATCH_HEADER_BYTES)
        throw new CorruptLogError(`${file.path} ends inside a batch header at ${position}`);
      let at = 0;
      while (filled - at >= BATCH_HEADER_BYTES && position + at < range.to) {
        const batch = new Batch(chunk, at);
        const size = sizeOf(batch, { path: file.path, position: position + at });
        yield { batch, position: position + at };
        at += size;
      }
      position += at;
    }
  } finally {
    pool.give(chunk);
  }
}
