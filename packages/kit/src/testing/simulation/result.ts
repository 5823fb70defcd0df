import { AssertionError } from "../../assert.ts";

/** A broken promise of a simulated system. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}

const bugs = [Violation, AssertionError, TypeError, RangeError, ReferenceError];

/** What nobody in a simulated system has to live with, unlike the answers and failures that come as errors; whatever it was wrapped in on its way. */
export const isBug = (error: unknown): boolean =>
  error instanceof Error && (bugs.some((bug) => error instanceof bug) || isBug(error.cause));

export type SimResult = {
  seed: number;
  /** Null: everything held. */
  failure: string | null;
  /** Over everything that happened: the same seed gives the same trace. */
  trace: string;
  events: number;
  acknowledged: number;
  simulatedMs: number;
  /** How many faults the seed has planned. */
  faults: number;
};

export function describe(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const cause = failure.cause instanceof Error ? ` <- ${failure.cause.stack ?? failure.cause.message}` : "";
  return failure instanceof Violation ? failure.message : `${failure.stack ?? failure.message}${cause}`;
}
