import type { Cancel, Clock } from "../../clock.ts";
import type { EventLoop } from "./event-loop.ts";

/** The wall clock of all processes when a simulation begins. */
export const epochMs = 1_700_000_000_000;

/** One process's view of time: it ends with the process, and stands still for it while it is paused. */
export class ProcessClock implements Clock {
  /** What the operating system's clock is wrong by (RELIABILITY L-22). */
  wallSkewMs = 0;
  readonly #loop: EventLoop;
  #alive = true;
  #paused: (() => void)[] | null = null;
  #ran = false;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  now(): number {
    return this.#loop.nowMs;
  }

  wallMs(): number {
    return epochMs + this.#loop.nowMs + this.wallSkewMs;
  }

  timer(delayMs: number, run: () => void): Cancel {
    let cancelled = false;
    const cancel = this.#loop.at(delayMs, () => {
      if (!cancelled) this.run(run);
    });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  afterTick(run: () => void): void {
    this.timer(0, run);
  }

  /** Runs something in the process: now, when it wakes up, or never. */
  run(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) return void this.#paused.push(() => this.run(run));
    this.#ran = true;
    run();
  }

  /** Whether anything ran in the process since this was asked last. */
  takeRan(): boolean {
    const ran = this.#ran;
    this.#ran = false;
    return ran;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused !== null;
  }

  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const waiting = this.#paused ?? [];
    this.#paused = null;
    for (const run of waiting) this.#loop.at(0, run);
  }

  kill(): void {
    this.#alive = false;
    this.#paused = null;
  }
}
