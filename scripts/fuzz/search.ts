import { SeededRandom } from "@odradek/kit/testing";
import { watchAllocations } from "./allocations.ts";
import { Coverage } from "./coverage.ts";
import { type Found, Fuzzer } from "./fuzzer.ts";
import type { Target } from "./target.ts";

/** Targets take turns of this length, so that slow ones do not hold up the others, nor the others drown them. */
const TURN_MS = 50;

export type SearchOptions = {
  readonly seed: number;
  /** Of all targets together. */
  readonly runsMax: number;
  readonly msMax: number;
  /** The files whose coverage leads the search. */
  readonly isWatched: (url: string) => boolean;
  /**
   * A batch of inputs that takes longer by the clock is stopped: one of them never ends. A minute, for a process that the machine merely
   * starves must not be stopped: inside one of Node's constructors that leaves a half-made object, at which the next collection aborts.
   */
  readonly hangMs?: number;
};

export type Searched = {
  readonly found: readonly Found[];
  readonly executions: number;
  readonly characters: number;
  readonly targets: readonly { name: string; executions: number; perSecond: number; kept: number }[];
};

/** Searches all targets, turn by turn, until the runs or the time are used up; one in which something was found is done. */
export function search(targets: readonly Target[], options: SearchOptions): Searched {
  const { seed, runsMax, msMax, isWatched, hangMs = 60_000 } = options;
  const traceLimit = Error.stackTraceLimit;
  // Traces would take half the time; whoever replays an input gets one.
  Error.stackTraceLimit = 0;
  const coverage = new Coverage(isWatched);
  using allocations = watchAllocations();
  const fuzzers = targets.map(
    (target) => new Fuzzer(target, { coverage, allocations, hangMs, random: new SeededRandom(seed) }),
  );
  const spentMs = new Map(fuzzers.map((fuzzer) => [fuzzer, 0]));
  const found: Found[] = [];
  const executions = (): number => fuzzers.reduce((sum, fuzzer) => sum + fuzzer.executions, 0);
  const endMs = performance.now() + msMax;
  const going = new Set(fuzzers);
  while (going.size > 0 && executions() < runsMax && performance.now() < endMs) {
    for (const fuzzer of going) {
      const startMs = performance.now();
      let finding: Found | null = null;
      while (finding === null && performance.now() - startMs < TURN_MS) finding = fuzzer.round();
      spentMs.set(fuzzer, spentMs.get(fuzzer)! + performance.now() - startMs);
      if (finding === null) continue;
      found.push(finding);
      going.delete(fuzzer);
    }
  }
  Error.stackTraceLimit = traceLimit;
  return {
    found,
    executions: executions(),
    characters: coverage.characters,
    targets: fuzzers.map((fuzzer) => ({
      name: fuzzer.target.name,
      executions: fuzzer.executions,
      perSecond: (1000 * fuzzer.executions) / spentMs.get(fuzzer)!,
      kept: fuzzer.kept,
    })),
  };
}
