import type { Cancel, Clock } from "@odradek/kit";

/** A timer that fires later than this was held up by our own process, during which nobody could be heard. */
const LATENESS_MS_MAX = 500;

/**
 * The timers of one shard, by name: setting one again replaces it. Time counts only while this process ran: a timer that comes
 * late is set once more for its lateness, so a paused coordinator expires nobody on waking (RELIABILITY G-12).
 */
export class Timers {
  readonly #clock: Clock;
  readonly #running = new Map<string, Cancel>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(name: string, delayMs: number, run: () => void): void {
    this.cancel(name);
    if (this.#isClosed) return;
    const dueMs = this.#clock.now() + delayMs;
    const cancel = this.#clock.timer(delayMs, () => {
      this.#running.delete(name);
      const latenessMs = this.#clock.now() - dueMs;
      if (latenessMs > LATENESS_MS_MAX) this.set(name, Math.min(latenessMs, delayMs), run);
      else run();
    });
    this.#running.set(name, cancel);
  }

  cancel(name: string): void {
    this.#running.get(name)?.();
    this.#running.delete(name);
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#running.values()) cancel();
    this.#running.clear();
  }
}

export const joinTimer = (groupId: string): string => `join ${groupId}`;
export const syncTimer = (groupId: string): string => `sync ${groupId}`;
/** Group ids may hold spaces; their length keeps two names apart. */
export const sessionTimer = (groupId: string, memberId: string): string =>
  `session ${groupId.length} ${groupId} ${memberId}`;
