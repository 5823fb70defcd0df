import type { Clock } from "@odradek/kit";

/** What may pass at once after a rest: Kafka's quota samples are a second long, too. */
const BURST_MS = 1000;
/** A wait is looked at again after this at the latest: the rate may have been changed meanwhile. */
const WAIT_MS_MAX = 1000;

/** So many bytes a second and no more, counted after the fact: whoever finds credit left may pass, whatever he takes (KIP-73). */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  #credit: number;
  #atMs: number;

  /** The rate is asked for again each time; Infinity is no bound. */
  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#credit = Infinity;
    this.#atMs = clock.now();
  }

  /** How long to wait before the next bytes; 0: they may pass now. */
  waitMs(): number {
    const rate = this.#bytesPerSecond();
    const elapsedMs = this.#clock.now() - this.#atMs;
    this.#atMs += elapsedMs;
    if (rate === Infinity) {
      this.#credit = Infinity;
      return 0;
    }
    this.#credit = Math.min(this.#credit + (rate * elapsedMs) / 1000, (rate * BURST_MS) / 1000);
    if (this.#credit > 0) return 0;
    return Math.min(WAIT_MS_MAX, Math.max(1, Math.ceil((-this.#credit / rate) * 1000) || WAIT_MS_MAX));
  }

  spend(bytes: number): void {
    this.#credit -= bytes;
  }
}
