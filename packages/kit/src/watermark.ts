import { assert } from "./assert.ts";
import type { Cancel, Clock } from "./clock.ts";

type Waiter = { at: number; settle: (outcome: Reached) => void };
export type Reached = "reached" | "timeout" | "closed";

/**
 * A number that only grows and that one can wait for: acks=all, long polls and catching up all wait on one of these.
 * Closing it (leadership lost, partition deleted, shutdown) ends every wait at once.
 */
export class Watermark {
  #value: number;
  #closed = false;
  /** Sorted by `at`; waiters mostly arrive in order, so insertion looks from the end. */
  readonly #waiters: Waiter[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock, value: number) {
    this.#clock = clock;
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Waits that are open now. */
  get waiting(): number {
    return this.#waiters.length;
  }

  /** Moves up and ends the waits that this satisfies, lowest first. */
  advance(value: number): void {
    assert(value >= this.#value, `a watermark never goes back (${this.#value} -> ${value})`);
    this.#value = value;
    let due = 0;
    while (due < this.#waiters.length && this.#waiters[due]!.at <= value) due++;
    for (const waiter of this.#waiters.splice(0, due)) waiter.settle("reached");
  }

  /** Sets a lower value: only where a log is truncated. Waits stay open. */
  retreat(value: number): void {
    assert(value <= this.#value, "retreat goes down");
    this.#value = value;
  }

  /** Resolves "reached" as soon as the value is at least `at`, "timeout" after `timeoutMs`, "closed" when the watermark is closed. */
  reached(at: number, options: { timeoutMs: number }): Promise<Reached> {
    if (this.#value >= at) return Promise.resolve("reached");
    if (this.#closed) return Promise.resolve("closed");
    return new Promise((resolve) => {
      const cancel = this.#clock.timer(options.timeoutMs, () => {
        this.#remove(waiter);
        resolve("timeout");
      });
      const waiter: Waiter = {
        at,
        settle: (outcome) => {
          cancel();
          resolve(outcome);
        },
      };
      this.#add(waiter);
    });
  }

  /**
   * Runs `settle` once, when the value is at least `at` or the watermark is closed; at once when it is so already. For waits on
   * several watermarks of which one is enough: the others are taken back.
   */
  when(at: number, settle: (outcome: Exclude<Reached, "timeout">) => void): Cancel {
    if (this.#value >= at || this.#closed) {
      settle(this.#value >= at ? "reached" : "closed");
      return () => {};
    }
    const waiter: Waiter = { at, settle: (outcome) => settle(outcome as Exclude<Reached, "timeout">) };
    this.#add(waiter);
    return () => this.#remove(waiter);
  }

  #add(waiter: Waiter): void {
    let place = this.#waiters.length;
    while (place > 0 && this.#waiters[place - 1]!.at > waiter.at) place--;
    this.#waiters.splice(place, 0, waiter);
  }

  #remove(waiter: Waiter): void {
    const place = this.#waiters.indexOf(waiter);
    if (place >= 0) this.#waiters.splice(place, 1);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.settle("closed");
  }
}
