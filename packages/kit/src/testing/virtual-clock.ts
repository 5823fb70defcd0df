import type { Cancel, Clock } from "../clock.ts";

type Timer = { atMs: number; order: number; run: () => void };

/** Time that passes only when told to. Timers due at the same time run in the order they were set. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #startWallMs: number;
  readonly #timers = new Set<Timer>();

  constructor(startWallMs = 1_700_000_000_000) {
    this.#startWallMs = startWallMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#startWallMs + this.#nowMs;
  }

  timer(delayMs: number, run: () => void): Cancel {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  afterTick(run: () => void): void {
    this.timer(0, run);
  }

  /** Lets `ms` pass, running every timer that comes due on the way, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers.delete(next);
      next.run();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Lets the process stand still for `ms`, as a pause or a long garbage collection does: what comes due meanwhile runs late, at the end. */
  stall(ms: number): Promise<void> {
    this.#nowMs += ms;
    return this.advance(0);
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) first = timer;
    return first;
  }
}

/** One macrotask: long enough for any chain of settled promises. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
