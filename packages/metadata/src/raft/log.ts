import { assert } from "@odradek/kit";

import { beginning, type Entry, entryAfter, type Position, type WireEntry } from "../store/entry.ts";

/** What an entry counts for in limits: its data and a little for the rest. */
export const weightOf = (entry: WireEntry): number => entry.data.length + 64;

/**
 * The log in memory: everything after `base`, where the oldest kept entry begins.
 * Invariant: entries are contiguous, entries[0].index === base.index + 1.
 */
export class RaftLog {
  #base: Position;
  #entries: Entry[];
  #bytes = 0;

  constructor(base: Position = beginning, entries: Entry[] = []) {
    this.#base = base;
    this.#entries = [];
    for (const entry of entries) this.#push(entry);
  }

  /** The last position that is known without its entry. */
  get base(): Position {
    return this.#base;
  }

  get last(): Position {
    return this.#entries.at(-1) ?? this.#base;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Null: before the base or after the end. */
  termAt(index: number): number | null {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? null;
  }

  at(index: number): Entry {
    const entry = this.#entries[index - this.#base.index - 1];
    assert(entry, `entry ${index} is in the log (${this.#base.index}, ${this.last.index}]`);
    assert(entry.index === index, "entries are contiguous");
    return entry;
  }

  append(entry: WireEntry): Entry {
    const appended = entryAfter(this.last, entry);
    this.#push(appended);
    return appended;
  }

  /** Entries from `from` on: at least one when there is one, within the limits otherwise. */
  slice(from: number, limits: { entriesMax: number; bytesMax: number; upTo?: number }): Entry[] {
    assert(from > this.#base.index, "compacted entries are not read");
    const taken: Entry[] = [];
    const upTo = Math.min(limits.upTo ?? this.last.index, this.last.index);
    let bytes = 0;
    for (let index = from; index <= upTo && taken.length < limits.entriesMax; index++) {
      const entry = this.at(index);
      bytes += weightOf(entry);
      if (taken.length > 0 && bytes > limits.bytesMax) break;
      taken.push(entry);
    }
    return taken;
  }

  /** Removes `from` and everything after it. */
  truncateFrom(from: number): void {
    assert(from > this.#base.index, "the base is never truncated");
    const removed = this.#entries.splice(from - this.#base.index - 1);
    for (const entry of removed) this.#bytes -= weightOf(entry);
  }

  /** Forgets entries up to and including `index`. */
  compactTo(index: number): void {
    if (index <= this.#base.index) return;
    const { term, hash } = this.at(index);
    const removed = this.#entries.splice(0, index - this.#base.index);
    for (const entry of removed) this.#bytes -= weightOf(entry);
    this.#base = { index, term, hash };
  }

  /** Starts over behind a snapshot. */
  reset(base: Position): void {
    this.#base = base;
    this.#entries = [];
    this.#bytes = 0;
  }

  /** The largest index up to `index` whose term is at most `term`; the base when there is none after it. */
  lastOfTermUpTo(index: number, term: number): number {
    let at = Math.min(index, this.last.index);
    while (at > this.#base.index && this.at(at).term > term) at--;
    return Math.max(at, this.#base.index);
  }

  /** The log has no hole, ever (RELIABILITY R-25). */
  #push(entry: Entry): void {
    assert(entry.index === this.last.index + 1, "a log has no hole");
    assert(entry.term >= this.last.term, "terms never go back along a log");
    this.#entries.push(entry);
    this.#bytes += weightOf(entry);
  }
}
