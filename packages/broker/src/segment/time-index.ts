import type { Files } from "@odradek/kit";
import { EntryFile } from "./entry-file.ts";

const ENTRY_BYTES = 12;
const TWO_32 = 4_294_967_296;

/** The largest record timestamp of a segment and the last offset of the batch that holds it; timestamp -1: none yet. */
export type MaxTimestamp = { readonly timestamp: number; readonly offset: number };

/**
 * .timeindex: int64 timestamp, int32 (offset − base offset): the largest timestamp so far and the last offset of the batch that holds it.
 * Timestamps strictly increase. A cache, like the offset index.
 */
export class TimeIndex {
  readonly #entries: EntryFile;
  readonly #baseOffset: number;
  #lastTimestamp: number;

  constructor(files: Files, path: string, options: { baseOffset: number; entries: number }) {
    this.#baseOffset = options.baseOffset;
    this.#entries = new EntryFile(files, path, { entryBytes: ENTRY_BYTES, entries: options.entries });
    this.#lastTimestamp = this.last().timestamp;
  }

  static entriesIn(this: void, bytes: number): number | null {
    return bytes % ENTRY_BYTES === 0 ? bytes / ENTRY_BYTES : null;
  }

  static entriesMax(this: void, indexBytes: number): number {
    return Math.floor(indexBytes / ENTRY_BYTES);
  }

  static bytesOf(this: void, entries: number): number {
    return entries * ENTRY_BYTES;
  }

  get count(): number {
    return this.#entries.count;
  }

  /** Takes the entry when its timestamp is larger than all before. */
  append(max: MaxTimestamp): void {
    if (max.timestamp <= this.#lastTimestamp) return;
    const at = this.#entries.add();
    const { tail } = this.#entries;
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
    this.#entries.truncate(this.#countBelow(offset));
    this.#lastTimestamp = this.last().timestamp;
  }

  clear(): void {
    this.#entries.clear();
    this.#lastTimestamp = -1;
  }

  write(): void {
    this.#entries.write();
  }

  save(): void {
    this.#entries.save();
  }

  seal(): void {
    this.#entries.seal();
  }

  /** The file has been renamed. */
  movedTo(path: string): void {
    this.#entries.movedTo(path);
  }

  sync(): Promise<void> {
    return this.#entries.sync();
  }

  close(): void {
    this.#entries.close();
  }

  at(index: number): MaxTimestamp {
    const entry = this.#entries.entry(index);
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
