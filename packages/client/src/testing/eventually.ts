import { setTimeout as elapsed } from "node:timers/promises";

/** Waits until `probe` gives something other than null, undefined or false; fails with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await elapsed(10);
  }
}
