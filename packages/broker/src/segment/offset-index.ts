import type { Files } from "@odradek/kit";
import { EntryFile } from "./entry-file.ts";
import { CorruptLogError } from "./walk.ts";

export const OFFSET_ENTRY_BYTES = 8;

/**
 * .index: int32 (offset − base offset), int32 position in the .log file. The offset is the *last* one of the batch that starts at
 * the position, so whoever looks for an offset starts at the greatest entry ≤ it. A cache: everything in it can be found by reading the log.
 */
export class OffsetIndex extends EntryFile {
  readonly #baseOffset: number;

  constructor(files: Files, path: string, options: { baseOffset: number; entries: number }) {
    super(files, path, { entryBytes: OFFSET_ENTRY_BYTES, entries: options.entries });
    this.#baseOffset = options.baseOffset;
  }

  append(lastOffset: number, position: number): void {
    const at = this.add();
    const { tail } = this;
    tail.writeInt32BE(lastOffset - this.#baseOffset, at);
    tail.writeInt32BE(position, at + 4);
  }

  /** Where to start reading for `offset`: at a batch that stands at or before it. */
  positionFor(offset: number): number {
    return this.entryFor(offset)?.position ?? 0;
  }

  /**
   * The last entry at or below `offset`: the last offset of a batch and where it stands. Null: start with the segment.
   * Throws CorruptLogError on a position that no file has.
   */
  entryFor(offset: number): { offset: number; position: number } | null {
    const at = this.#after(offset) - 1;
    if (at < 0) return null;
    const entry = this.at(at);
    if (entry.position < 0) throw new CorruptLogError(`${this.path} points to ${entry.position}`);
    return entry;
  }

  at(index: number): { offset: number; position: number } {
    const entry = this.entry(index);
    return { offset: this.#baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) };
  }

  last(): { offset: number; position: number } | null {
    return this.count === 0 ? null : this.at(this.count - 1);
  }

  /** Drops the entries for offsets ≥ `offset`. */
  truncateTo(offset: number): void {
    this.truncate(this.#after(offset - 1));
  }

  /** The number of entries with an offset ≤ `offset`. */
  #after(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#baseOffset + this.entry(middle).readInt32BE(0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
