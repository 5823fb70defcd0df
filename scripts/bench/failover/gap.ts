export type Killing = {
  readonly now: () => number;
  /** Resolves some time after the signal; a shell may carry it there. */
  readonly kill: () => Promise<void>;
  /** When all have taken a write that was begun after `fromMs`. */
  readonly takenByAll: (fromMs: number) => Promise<number>;
};

/**
 * Milliseconds from before the signal until all have taken a write again, the same for whoever is killed. Until the kill is known to be
 * done the broker may still take writes: those begun before that do not count.
 */
export async function gapMs({ now, kill, takenByAll }: Killing): Promise<number> {
  const signalledMs = now();
  await kill();
  return (await takenByAll(now())) - signalledMs;
}
