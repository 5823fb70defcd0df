import type { Files } from "@odradek/kit";
import { EntryFile } from "./entry-file.ts";

const ENTRY_BYTES = 8;

/**
 * .index: int32 (offset − base offset), int32 position in the .log file. The offset is the *last* one of the batch that starts at
 * the position, so whoever looks for an offset starts at the greatest entry ≤ it. A cache: everything in it can be found by reading the log.
 */
export class OffsetIndex {
  readonly #entries: EntryFile;
  readonly #baseOffset: number;

  constructor(files: Files, path: string, options: { baseOffset: number; entries: number }) {
    this.#baseOffset = options.baseOffset;
    this.#entries = new EntryFile(files, path, { entryBytes: ENTRY_BYTES, entries: options.entries });
  }

  /** What a file of this size holds when it is whole; null when it is not. */
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

  append(lastOffset: number, position: number): void {
    const at = this.#entries.add();
    const { tail } = this.#entries;
    tail.writeInt32BE(lastOffset - this.#baseOffset, at);
    tail.writeInt32BE(position, at + 4);
  }

  /** Where to start reading for `offset`: at a batch that stands at or before it. */
  positionFor(offset: number): number {
    return this.entryFor(offset)?.position ?? 0;
  }

  /** The last entry at or below `offset`: the last offset of a batch and where it stands. Null: start with the segment. */
  entryFor(offset: number): { offset: number; position: number } | null {
    const at = this.#after(offset) - 1;
    return at < 0 ? null : this.at(at);
  }

  at(index: number): { offset: number; position: number } {
    const entry = this.#entries.entry(index);
    return { offset: this.#baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) };
  }

  last(): { offset: number; position: number } | null {
    return this.count === 0 ? null : this.at(this.count - 1);
  }

  /** Drops the entries for offsets ≥ `offset`. */
  truncateTo(offset: number): void {
    this.#entries.truncate(this.#after(offset - 1));
  }

  clear(): void {
    this.#entries.clear();
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

  /** The number of entries with an offset ≤ `offset`. */
  #after(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#baseOffset + this.#entries.entry(middle).readInt32BE(0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
