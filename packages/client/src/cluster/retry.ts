import { type Clock, delay, type Random } from "@odradek/kit";
import { DeadlineError } from "../errors.ts";

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 1_000;

/** The wait before attempt `attempt + 1`: doubling, with a random half so that clients do not come back in step. */
export function backoffMs(attempt: number, random: Random): number {
  const full = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10));
  return full / 2 + (full / 2) * random.next();
}

export type Retry = {
  readonly clock: Clock;
  readonly random: Random;
  /** Of `clock.now()`. */
  readonly deadlineMs: number;
  readonly what: string;
  mayRetry(error: unknown): boolean;
};

/** Calls `attempt` until it succeeds, fails for good, or the deadline passes: then a DeadlineError with the last failure as cause. */
export async function retried<T>(retry: Retry, attempt: () => Promise<T>): Promise<T> {
  const { clock, random, deadlineMs, what } = retry;
  for (let count = 0; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!retry.mayRetry(error)) throw error;
      const waitMs = backoffMs(count, random);
      if (clock.now() + waitMs >= deadlineMs)
        throw new DeadlineError(`${what}: no success in time; last: ${(error as Error).message}`, { cause: error });
      await delay(clock, waitMs);
    }
  }
}
