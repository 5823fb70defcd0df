/** Takes back a timer that has not run yet; calling it later does nothing. */
export type Cancel = () => void;

/** The port to time. Deadlines and intervals use `now`; only record timestamps and retention use `wallMs`. */
export interface Clock {
  /** Milliseconds that never go back, from an arbitrary start. */
  now(): number;
  /** Milliseconds since 1970 as the operating system believes; may jump either way (RELIABILITY L-22). */
  wallMs(): number;
  /** Runs `run` once, `delayMs` from now at the earliest. Of a SystemClock the timer does not keep the process alive unless asked to. */
  timer(delayMs: number, run: () => void): Cancel;
  /** Runs `run` after the input that is waiting now has been handled: the end of the tick, where writes are gathered. */
  afterTick(run: () => void): void;
}

export class SystemClock implements Clock {
  readonly #keepsAlive: boolean;

  /** `keepsAlive`: pending timers keep the process running, as a library's back-off must when no socket is open. */
  constructor({ keepsAlive = false }: { keepsAlive?: boolean } = {}) {
    this.#keepsAlive = keepsAlive;
  }

  now(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  timer(delayMs: number, run: () => void): Cancel {
    const timer = setTimeout(run, delayMs);
    if (!this.#keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  }

  afterTick(run: () => void): void {
    setImmediate(run);
  }
}

/** Resolves after `delayMs`. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.timer(delayMs, resolve));
}
