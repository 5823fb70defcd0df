import type { OpenFile } from "@odradek/kit";
import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";
import { CorruptLogError } from "./walk.ts";

/** A batch that must not be served, or an index that points beside one. An examination of the segment tells which. */
export class DamagedError extends CorruptLogError {
  override readonly name: string = "DamagedError";
}

/** Where a segment's file is read, and what its offsets must keep to. */
export type Checked = {
  readonly file: OpenFile;
  readonly pool: ReadPool;
  /** Bytes in the file. */
  readonly size: number;
  /** Offsets of the segment: from its base to where the next one, or the log, goes on. */
  readonly base: number;
  readonly end: number;
  /** The last batch ends at `end`. */
  readonly joins: boolean;
  /** The leader epoch that an offset was written in; -1: unknown. Neither it nor the base offset is under the batch's checksum. */
  readonly epochOf: (offset: number) => number;
};

/** What a header alone must keep to, behind records that end at `after`. */
export const fits = (batch: Batch, position: number, at: { checked: Checked; after: number }): boolean =>
  batch.magic === MAGIC &&
  batch.batchLength >= BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES &&
  position + batch.size <= at.checked.size &&
  batch.lastOffsetDelta >= 0 &&
  batch.baseOffset >= at.after &&
  batch.nextOffset <= at.checked.end;

export function epochFits(batch: Batch, { epochOf }: Checked): boolean {
  const known = epochOf(batch.baseOffset);
  return known < 0 || known === batch.partitionLeaderEpoch;
}

/** Bytes of a file that have been read already. */
type AtHand = { readonly position: number; readonly bytes: Buffer };

/**
 * Checks every batch in [from, to) of a file, which starts and ends at batches: checksum, offsets that go up from `after`, also to the batch
 * behind, and leader epochs. Throws DamagedError.
 */
export function verifyBatches(
  checked: Checked,
  range: { from: number; to: number; after: number },
  atHand: AtHand = { position: 0, bytes: Buffer.alloc(0) },
): void {
  let position = range.from;
  let { after } = range;
  const take = (bytes: Buffer, at: number): Batch => {
    const size = whole(checked, position, bytes, at);
    const batch = new Batch(bytes.subarray(at, at + size));
    if (!fits(batch, position, { checked, after }) || batch.crc !== batch.computeCrc() || !epochFits(batch, checked))
      throw damaged(checked, position);
    after = batch.nextOffset;
    return batch;
  };
  while (position < range.to) {
    const at = position - atHand.position;
    if (at >= 0 && Batch.isWholeAt(atHand.bytes, at)) position += take(atHand.bytes, at).size;
    else {
      const size = withBytes(checked, position, BATCH_HEADER_BYTES, (bytes) => new Batch(bytes).size);
      if (size < BATCH_HEADER_BYTES || position + size > checked.size) throw damaged(checked, position);
      position += withBytes(checked, position, size, (bytes) => take(bytes, 0).size);
    }
  }
  if (position !== range.to) throw damaged(checked, range.to);
  if (position === checked.size) return;
  const next = withBytes(checked, position, BATCH_HEADER_BYTES, (bytes) => new Batch(bytes).baseOffset);
  if (next < after) throw damaged(checked, position);
}

/** The size of the batch at `at`, which `bytes` hold. */
function whole(checked: Checked, position: number, bytes: Buffer, at: number): number {
  if (!Batch.isWholeAt(bytes, at)) throw damaged(checked, position);
  return new Batch(bytes, at).size;
}

function withBytes<Result>(checked: Checked, position: number, bytes: number, use: (bytes: Buffer) => Result): Result {
  const pooled = checked.pool.take(bytes);
  try {
    const filled = checked.file.read(pooled.subarray(0, bytes), position);
    if (filled < bytes) throw damaged(checked, position);
    return use(pooled.subarray(0, bytes));
  } finally {
    checked.pool.give(pooled);
  }
}

/** What is said of a segment when it is checked. */
export type Bounds = Pick<Checked, "end" | "joins" | "epochOf">;

export const damaged = ({ file }: Checked, position: number): DamagedError =>
  new DamagedError(`${file.path} holds no whole batch at ${position}`);
