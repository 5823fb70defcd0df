import type { Batch } from "@odradek/protocol";
import type { OffsetIndex } from "./offset-index.ts";
import type { MaxTimestamp, TimeIndex } from "./time-index.ts";

/** Compares the indexes of a segment with its batches, which are shown in order: both are caches of the log (RELIABILITY L-03). */
export class IndexCheck {
  readonly #offsets: Iterator<{ offset: number; position: number }>;
  readonly #times: Iterator<MaxTimestamp>;
  #offset: { offset: number; position: number } | null;
  #time: MaxTimestamp | null;
  #max: MaxTimestamp;
  #wrong = false;

  constructor(offsets: OffsetIndex, times: TimeIndex, baseOffset: number) {
    this.#offsets = entriesOf(offsets);
    this.#times = entriesOf(times);
    this.#offset = next(this.#offsets);
    this.#time = next(this.#times);
    this.#max = { timestamp: -1, offset: baseOffset };
  }

  batch(batch: Batch, position: number): void {
    const { lastOffset: offset } = batch;
    const timestamp = batch.recordsCount === 0 ? -1 : batch.maxTimestamp; // as the index was made
    if (timestamp > this.#max.timestamp) this.#max = { timestamp, offset };
    if (this.#offset !== null && this.#offset.position <= position) {
      if (this.#offset.position !== position || this.#offset.offset !== offset) this.#wrong = true;
      this.#offset = next(this.#offsets);
    }
    if (this.#time !== null && this.#time.offset <= offset) {
      if (this.#time.offset !== this.#max.offset || this.#time.timestamp !== this.#max.timestamp) this.#wrong = true;
      this.#time = next(this.#times);
    }
  }

  /** Whether an entry names what is not there, seen by whoever was shown all batches. */
  get isWrong(): boolean {
    return this.#wrong || this.#offset !== null || this.#time !== null;
  }
}

function* entriesOf<Entry>(index: { readonly count: number; at(index: number): Entry }): Generator<Entry, void, void> {
  const { count } = index;
  for (let at = 0; at < count && at < index.count; at++) yield index.at(at);
}

function next<Entry>(entries: Iterator<Entry>): Entry | null {
  const { done, value } = entries.next();
  return done === true ? null : value;
}
