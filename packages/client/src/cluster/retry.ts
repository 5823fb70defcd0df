import { type Clock, delay, type Random } from "@odradek/kit";
import { DeadlineError } from "../errors.ts";

/** How long to wait before trying again (KIP-580). */
export type Backoff = { readonly retryBackoffMs: number; readonly retryBackoffMsMax: number };

/** A fifth to either side, so that clients that failed together do not come back in step. */
const JITTER = 0.2;

/** The wait after `failures` earlier ones: doubling up to the maximum. */
export function backoffMs(failures: number, { retryBackoffMs, retryBackoffMsMax }: Backoff, random: Random): number {
  const waitMs = Math.min(retryBackoffMsMax, retryBackoffMs * 2 ** Math.min(failures, 30));
  return waitMs * (1 - JITTER + 2 * JITTER * random.next());
}

/** Resolves when `work` has, or when `timeoutMs` have passed. Rejects as `work` does in that time. */
export async function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cancel = timeoutMs === Infinity ? () => {} : clock.timer(timeoutMs, resolve);
  try {
    await Promise.race([work, over]);
  } finally {
    cancel();
  }
}

export type Retry = {
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: Backoff;
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
      const waitMs = backoffMs(count, retry.backoff, random);
      if (clock.now() + waitMs >= deadlineMs)
        throw new DeadlineError(`${what}: no success in time; last: ${(error as Error).message}`, { cause: error });
      await delay(clock, waitMs);
    }
  }
}
