import { setTimeout as elapsed } from "node:timers/promises";

const pauseMs = 10;

/**
 * Looks until `probe` finds something other than null, undefined or false, and returns it: for what no event announces, on real clocks.
 * Fails after `timeoutMs` with `what` was not found; a function is asked then, and can say how far it came.
 */
export async function eventually<T>(
  what: string | (() => string),
  probe: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, null | undefined | false>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found as Exclude<T, null | undefined | false>;
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${timeoutMs} ms: ${typeof what === "string" ? what : what()}`);
    await elapsed(pauseMs);
  }
}
