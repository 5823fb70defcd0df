import { type Clock, delay } from "@odradek/kit";

/** Keeps compaction's reading and writing at a rate (log.cleaner.io.max.bytes.per.second). */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** When the bytes so far are paid for. */
  #paidAtMs = 0;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Resolves when the next bytes may follow these. */
  async took(bytes: number): Promise<void> {
    const nowMs = this.#clock.now();
    this.#paidAtMs = Math.max(this.#paidAtMs, nowMs) + bytes / this.#bytesPerMs;
    // Even without a bound everybody else has a turn between two slices.
    await delay(this.#clock, this.#paidAtMs - nowMs);
  }
}
