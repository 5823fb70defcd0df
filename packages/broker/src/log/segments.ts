import { assert } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import type { Segment } from "../segment/segment.ts";

/** Sealed segments of one log that keep their files open (RELIABILITY L-25). */
const OPEN_SEALED_MAX = 4;

/** The segments of a log in offset order; the last one is active, the others are sealed. */
export class Segments {
  readonly #list: Segment[];
  /** Sealed ones with open files, the longest unused first. */
  #open: Segment[] = [];

  constructor(list: Segment[]) {
    assert(list.length > 0, "a log has a segment");
    this.#list = list;
  }

  get active(): Segment {
    return this.#list.at(-1)!;
  }

  get first(): Segment {
    return this.#list[0]!;
  }

  get count(): number {
    return this.#list.length;
  }

  get size(): number {
    return this.#list.reduce((bytes, segment) => bytes + segment.size, 0);
  }

  all(): readonly Segment[] {
    return this.#list;
  }

  has(segment: Segment): boolean {
    return this.#list.includes(segment);
  }

  bases(): number[] {
    return this.#list.map((segment) => segment.baseOffset);
  }

  /** Index of the last segment that starts at or below `offset`; 0 when all start above. */
  floor(offset: number): number {
    let low = 0;
    let high = this.#list.length - 1;
    if (this.active.baseOffset <= offset) return high;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#list[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** A segment to be read now; opens at most a few at a time. */
  use(index: number): Segment {
    const segment = this.#list[index];
    assert(segment !== undefined, "a segment of this log");
    if (segment !== this.active && this.#open.at(-1) !== segment) {
      this.#open = this.#open.filter((other) => other !== segment);
      this.#open.push(segment);
      if (this.#open.length > OPEN_SEALED_MAX) this.#open.shift()!.close();
    }
    return segment;
  }

  /** Where the offsets of this segment end: the base of the next, `end` for the active one. */
  endOf(index: number, end: number): number {
    return this.#list[index + 1]?.baseOffset ?? end;
  }

  add(segment: Segment): void {
    assert(segment.baseOffset > this.active.baseOffset, "segments are added behind");
    this.#list.push(segment);
  }

  /** Puts a segment in the place of all. */
  replaceAll(segment: Segment): Segment[] {
    return this.#forget(this.#list.splice(0, this.#list.length, segment));
  }

  /** Puts one segment in the place of some that stand one behind the other; the active one stays. */
  replace(old: readonly Segment[], segment: Segment): Segment[] {
    const at = this.#list.indexOf(old[0]!);
    assert(at >= 0 && at + old.length < this.#list.length, "sealed segments of this log");
    assert(
      old.every((one, index) => this.#list[at + index] === one),
      "segments that stand one behind the other",
    );
    return this.#forget(this.#list.splice(at, old.length, segment));
  }

  /** Takes out the oldest ones; the active one stays. */
  removeFirst(count: number): Segment[] {
    assert(count < this.#list.length, "the active segment stays");
    return this.#forget(this.#list.splice(0, count));
  }

  /** Takes out the newest ones; the first one stays. */
  removeLast(count: number): Segment[] {
    assert(count < this.#list.length, "one segment stays");
    return this.#forget(count === 0 ? [] : this.#list.splice(-count));
  }

  /** Headers of the written batches from the one that holds `from` on; views, see `walkHeaders`. */
  *batches(from: number): Generator<Batch, void, void> {
    for (let index = this.floor(from); index < this.count; index++)
      for (const { batch } of this.use(index).headersFrom(from)) yield batch;
  }

  /** Lets go of the files of sealed segments; the next reader opens them again. */
  closeSealed(): void {
    for (const segment of this.#open.splice(0)) segment.close();
  }

  #forget(removed: Segment[]): Segment[] {
    this.#open = this.#open.filter((segment) => !removed.includes(segment));
    for (const segment of removed) segment.close();
    return removed;
  }
}
