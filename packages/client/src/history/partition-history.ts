import { assert } from "@odradek/kit";
import type { AnomalyName, Findings } from "./anomalies.ts";
import { Numbers } from "./numbers.ts";

const NONE = -1;

/** Bits of a value's state. What became of a send that is neither acknowledged nor failed is unknown. */
const state = { acknowledged: 1, failed: 2, polled: 4, inLog: 8 } as const;

export type ProducerTraits = {
  readonly name: string;
  /** One that is not may write a record twice when it tries again. */
  readonly isIdempotent: boolean;
};

/** A consumer went from one offset to a later one; whether anything stood between, the end may know better than the moment. */
type Jump = { readonly name: AnomalyName; readonly from: number; readonly to: number; readonly who: string };

/** More are judged at once, by what is known then. */
const JUMPS_MAX = 100_000;

/**
 * All that is known of one partition: what was sent, at which offset it was seen, by whom. Values are the numbers 0, 1, 2 …
 * in the order of their sends. Five numbers, 40 bytes, per record; a step costs the same however long the history is.
 */
export class PartitionHistory {
  readonly #name: string;
  /** Of the whole history; sends name theirs by its index. */
  readonly #producers: readonly ProducerTraits[];
  readonly #findings: Findings;
  readonly counts = { sent: 0, acknowledged: 0, failed: 0, polled: 0 };
  // By value.
  readonly #states = new Numbers(0);
  readonly #senders = new Numbers(NONE);
  readonly #offsets = new Numbers(NONE);
  /** The highest offset that had been acknowledged when the send began: the value must come to stand behind it. */
  readonly #floors = new Numbers(NONE);
  // By offset.
  readonly #values = new Numbers(NONE);
  #acknowledgedHigh = NONE;
  #polledHigh = NONE;
  #jumps: Jump[] = [];
  /** The final log as far as it has been read; null while it has not. */
  #log: { readonly start: number; next: number } | null = null;

  constructor(name: string, producers: readonly ProducerTraits[], findings: Findings) {
    this.#name = name;
    this.#producers = producers;
    this.#findings = findings;
  }

  /** Returns the value that the record must carry. */
  send(producer: number): number {
    const value = this.counts.sent++;
    this.#senders.set(value, producer);
    this.#floors.set(value, this.#acknowledgedHigh);
    return value;
  }

  acknowledged(value: number, offset: number): void {
    this.#end(value, state.acknowledged);
    this.counts.acknowledged++;
    if (offset === NONE) return; // a broker that knew the batch already may have forgotten where it put it
    this.#stands(value, offset, "the acknowledgement");
    this.#acknowledgedHigh = Math.max(this.#acknowledgedHigh, offset);
  }

  failed(value: number): void {
    this.#end(value, state.failed);
    this.counts.failed++;
  }

  polled(value: number, offset: number, who: string): void {
    this.counts.polled++;
    this.#polledHigh = Math.max(this.#polledHigh, offset);
    this.#read(value, offset, state.polled, who);
  }

  /** The consumer's next record after `from` was `to`. */
  jumped(jump: Jump): void {
    this.#jumps.push(jump);
    if (this.#jumps.length >= JUMPS_MAX) this.#judgeJumps();
  }

  found(name: AnomalyName, offset: number | null, value: number | null, says: string): void {
    this.#findings.add(name, { partition: this.#name, offset, value, says });
  }

  /** The final log is about to be told in order, from `start`. */
  openLog(start: number): void {
    this.#log ??= { start, next: start };
  }

  stored(value: number, offset: number): void {
    assert(this.#log !== null);
    if (offset < this.#log.next) this.found("internal-nonmonotonic-poll", offset, value, "in the final log");
    this.#log.next = offset + 1;
    this.#read(value, offset, state.inLog, "the final log");
  }

  /** What only the end can tell. */
  judge(isReadToEnd: boolean): void {
    this.#judgeJumps();
    const lastOf = new Map<number, number>();
    for (let value = 0; value < this.counts.sent; value++) {
      const is = this.#states.get(value);
      const offset = this.#offsets.get(value);
      const place = offset === NONE ? null : offset;
      if (is & state.failed && is & (state.polled | state.inLog))
        this.found("aborted-read", place, value, "failed, yet read");
      if (this.#isLost(is, offset)) this.found("lost-write", place, value, howLost(is));
      else if (isReadToEnd && is & state.acknowledged && !(is & state.polled))
        this.found("unseen", place, value, "acknowledged, polled by nobody");
      if (is & state.acknowledged && place !== null) this.#judgeOrder(value, place, lastOf);
    }
  }

  #judgeOrder(value: number, offset: number, lastOf: Map<number, number>): void {
    const sender = this.#senders.get(value);
    const last = lastOf.get(sender) ?? NONE;
    if (offset < last) {
      const says = `${this.#producers[sender]!.name} had an earlier one acknowledged at ${last}`;
      this.found("nonmonotonic-send", offset, value, says);
    }
    lastOf.set(sender, Math.max(last, offset));
  }

  #isLost(is: number, offset: number): boolean {
    if (this.#log !== null) {
      if (!(is & (state.acknowledged | state.polled)) || is & state.inLog) return false;
      return offset === NONE || offset >= this.#log.start; // below it, retention or DeleteRecords has been
    }
    if (!(is & state.acknowledged) || is & state.polled) return false;
    return offset !== NONE && offset < this.#polledHigh;
  }

  #end(value: number, how: number): void {
    assert(this.#isSent(value), "what ends was sent");
    assert(!(this.#states.get(value) & (state.acknowledged | state.failed)), "a send ends once");
    this.#mark(value, how);
  }

  #read(value: number, offset: number, mark: number, who: string): void {
    if (!this.#isSent(value)) {
      this.found("invented-read", offset, value, `read by ${who}`);
      return;
    }
    this.#mark(value, mark);
    this.#stands(value, offset, who);
  }

  /** `who` has it that the value stands at the offset. */
  #stands(value: number, offset: number, who: string): void {
    assert(Number.isSafeInteger(offset) && offset >= 0, "an offset is a whole number");
    const before = this.#values.get(offset);
    if (before === NONE) this.#values.set(offset, value);
    else if (before !== value) this.found("inconsistent-offsets", offset, value, `${who}; value ${before} before`);
    const place = this.#offsets.get(value);
    if (place === NONE) {
      this.#offsets.set(value, offset);
      const floor = this.#floors.get(value);
      if (offset <= floor) this.found("realtime-send", offset, value, `sent after ${floor} was acknowledged`);
    } else if (place !== offset && this.#producers[this.#senders.get(value)]!.isIdempotent) {
      this.found("duplicate", offset, value, `${who}; it stands at ${place}, too`);
    }
  }

  #judgeJumps(): void {
    for (const { name, from, to, who } of this.#jumps) {
      const skipped = this.#values.firstBetween(from, to);
      if (skipped === null) continue; // a marker, or what compaction took
      this.found(name, skipped, this.#values.get(skipped), `${who} went from ${from} to ${to}`);
    }
    this.#jumps = [];
  }

  #isSent(value: number): boolean {
    return Number.isInteger(value) && value >= 0 && value < this.counts.sent;
  }

  #mark(value: number, bit: number): void {
    this.#states.set(value, this.#states.get(value) | bit);
  }
}

function howLost(is: number): string {
  if (!(is & state.acknowledged)) return "polled before, not in the final log";
  return is & state.polled ? "acknowledged and polled, not in the final log" : "acknowledged, read by nobody";
}
