import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC } from "@odradek/protocol";
import { type Checked, epochFits, fits } from "./verify.ts";

/** What is read at once; a larger batch is read whole. */
const WINDOW_BYTES = 256 * 1024;

/** A stretch of a file in which no batch can be believed, and the offsets that are missing with it. */
export type Damage = {
  /** Offsets [from, to). */
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly size: number;
  /** Nothing stands behind it in the file. */
  readonly isAtEnd: boolean;
};

export type Examined = { is: "batch"; batch: Batch; position: number } | { is: "damage"; damage: Damage };

/**
 * Reads a segment's file from its start and tells what stands there: batches that are whole, in order, and damage in between, behind
 * which it finds the next whole batch by looking at every byte. `batch` is a view that lives until the next step.
 */
export async function* examineFile(checked: Checked): AsyncGenerator<Examined, void, void> {
  const window = new Window(checked);
  try {
    let position = 0;
    let after = checked.base;
    while (position < checked.size) {
      const batch = await wholeAt(window, checked, { position, after });
      if (batch !== null) {
        after = batch.nextOffset;
        const { size } = batch;
        yield { is: "batch", batch, position };
        position += size;
        continue;
      }
      const next = await nextWhole(window, checked, { position, after });
      yield { is: "damage", damage: damageOf(checked, { position, after }, next) };
      position = next.position;
      after = next.offset;
    }
    if (after < checked.end && checked.joins)
      yield { is: "damage", damage: damageOf(checked, { position, after }, { position, offset: checked.end }) };
  } finally {
    window.close();
  }
}

const damageOf = (checked: Checked, at: Place, next: { position: number; offset: number }): Damage => ({
  from: at.after,
  to: next.offset,
  position: at.position,
  size: next.position - at.position,
  isAtEnd: next.position === checked.size,
});

type Place = { readonly position: number; readonly after: number };

/** The batch at a position when all that can be known of it is right; null when not. */
async function wholeAt(window: Window, checked: Checked, place: Place): Promise<Batch | null> {
  const { position, after } = place;
  const header = await window.bytes(position, BATCH_HEADER_BYTES);
  if (header === null) return null;
  const { size } = new Batch(header);
  if (!fits(new Batch(header), position, { checked, after })) return null;
  // With the next header: base offsets stand outside the checksum, so only the neighbours tell when one is wrong.
  const bytes = (await window.bytes(position, size + BATCH_HEADER_BYTES)) ?? (await window.bytes(position, size));
  if (bytes === null) return null;
  const batch = new Batch(bytes.subarray(0, size));
  if (batch.crc !== batch.computeCrc() || !epochFits(batch, checked)) return null;
  const hasGap = batch.baseOffset > after;
  if (hasGap && bytes.length > size && new Batch(bytes, size).baseOffset < batch.nextOffset) return null;
  return batch;
}

/** The first whole batch behind `position`; the end of the segment when there is none. */
async function nextWhole(
  window: Window,
  checked: Checked,
  { position, after }: Place,
): Promise<{ position: number; offset: number }> {
  for (let at = position + 1; at + BATCH_HEADER_BYTES <= checked.size;) {
    const bytes = (await window.bytes(at, WINDOW_BYTES)) ?? (await window.bytes(at, checked.size - at));
    if (bytes === null) break;
    const candidate = candidateIn(bytes, at, { checked, after });
    if (candidate === null) {
      at += bytes.length - BATCH_HEADER_BYTES + 1;
      continue;
    }
    const batch = await wholeAt(window, checked, { position: candidate, after });
    if (batch !== null) return { position: candidate, offset: batch.baseOffset };
    at = candidate + 1;
  }
  return { position: checked.size, offset: checked.end };
}

/** Where in `bytes`, which stand at `position`, a header begins that could be one. */
function candidateIn(bytes: Buffer, position: number, at: { checked: Checked; after: number }): number | null {
  for (let index = 0; index + BATCH_HEADER_BYTES <= bytes.length; index++) {
    if (bytes[index + 16] !== MAGIC) continue;
    if (fits(new Batch(bytes, index), position + index, at)) return position + index;
  }
  return null;
}

/** A piece of the file in memory. */
class Window {
  readonly #checked: Checked;
  #buffer: Buffer;
  #position = 0;
  #filled = 0;

  constructor(checked: Checked) {
    this.#checked = checked;
    this.#buffer = checked.pool.take(WINDOW_BYTES);
  }

  /** The bytes there, until the next call; null when the file ends before. */
  async bytes(position: number, size: number): Promise<Buffer | null> {
    const { file, pool, size: fileSize } = this.#checked;
    if (position + size > fileSize || size < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES) return null;
    if (position < this.#position || position + size > this.#position + this.#filled) {
      if (size > this.#buffer.length) {
        pool.give(this.#buffer);
        this.#buffer = pool.take(size);
      }
      this.#position = position;
      const wanted = Math.min(this.#buffer.length, fileSize - position);
      this.#filled = await file.readAsync(this.#buffer.subarray(0, wanted), position);
      if (this.#filled < size) return null;
    }
    return this.#buffer.subarray(position - this.#position, position - this.#position + size);
  }

  close(): void {
    this.#checked.pool.give(this.#buffer);
  }
}
