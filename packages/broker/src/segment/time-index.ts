import type { Files } from "@odradek/kit";
import { EntryFile } from "./entry-file.ts";

export const TIME_ENTRY_BYTES = 12;
const TWO_32 = 4_294_967_296;

/** The largest record timestamp of a segment and the last offset of the batch that holds it; timestamp -1: none yet. */
export type MaxTimestamp = { readonly timestamp: number; readonly offset: number };

/**
 * .timeindex: int64 timestamp, int32 (offset − base offset): the largest timestamp so far and the last offset of the batch that holds it.
 * Timestamps strictly increase. A cache, like the offset index.
 */
export class TimeIndex extends EntryFile {
  readonly #baseOffset: number;
  #lastTimestamp: number;

  constructor(files: Files, path: string, options: { baseOffset: number; entries: number }) {
    super(files, path, { entryBytes: TIME_ENTRY_BYTES, entries: options.entries });
    this.#baseOffset = options.baseOffset;
    this.#lastTimestamp = this.last().timestamp;
  }

  /** Takes the entry when its timestamp is larger than all before. */
  append(max: MaxTimestamp): void {
    if (max.timestamp <= this.#lastTimestamp) return;
    const at = this.add();
    const { tail } = this;
    const high = Math.floor(max.timestamp / TWO_32);
    tail.writeInt32BE(high, at);
    tail.writeUInt32BE(max.timestamp - high * TWO_32, at + 4);
    tail.writeInt32BE(max.offset - this.#baseOffset, at + 8);
    this.#lastTimestamp = max.timestamp;
  }

  last(): MaxTimestamp {
    return this.count === 0 ? { timestamp: -1, offset: this.#baseOffset } : this.at(this.count - 1);
  }

  /** The last entry for an offset below `offset`. */
  lastBelow(offset: number): MaxTimestamp {
    const kept = this.#countBelow(offset);
    return kept === 0 ? { timestamp: -1, offset: this.#baseOffset } : this.at(kept - 1);
  }

  endDescends(): boolean {
    return this.count > 1 && this.at(this.count - 1).timestamp <= this.at(this.count - 2).timestamp;
  }

  /** Every batch with a timestamp ≥ `timestamp` ends behind the offset of the answer (or starts the segment). */
  before(timestamp: number): MaxTimestamp | null {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).timestamp < timestamp) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.at(low - 1);
  }

  /** Drops the entries for offsets ≥ `offset`. */
  truncateTo(offset: number): void {
    this.truncate(this.#countBelow(offset));
    this.#lastTimestamp = this.last().timestamp;
  }

  override clear(): void {
    super.clear();
    this.#lastTimestamp = -1;
  }

  at(index: number): MaxTimestamp {
    const entry = this.entry(index);
    return {
      timestamp: entry.readInt32BE(0) * TWO_32 + entry.readUInt32BE(4),
      offset: this.#baseOffset + entry.readInt32BE(8),
    };
  }

  #countBelow(offset: number): number {
    let count = this.count;
    while (count > 0 && this.at(count - 1).offset >= offset) count--;
    return count;
  }
}
