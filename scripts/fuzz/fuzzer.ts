import { integerBelow, type Random } from "@odradek/kit";
import type { Allocations } from "./allocations.ts";
import type { Coverage, Places } from "./coverage.ts";
import { execute, runWithin } from "./execution.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

/** Inputs that share one look at the coverage: more as long as nothing new is reached, fewer where halves must be searched. */
const BATCH_MIN = 256;
const BATCH_MAX = 8192;
/** One input may take so long of this thread's own time; the fastest of many tries counts, for code is compiled meanwhile (RELIABILITY §6.6). */
const INPUT_MS_MAX = 10;
const TRIES = 10;
/** Errors that quote the input are new for ever: inputs that reach new code are kept all the same. */
const ENDINGS_KEPT_MAX = 20_000;
/** Inputs found last are tried as often as all others together. */
const RECENT = 32;

export type Found = { readonly target: string; readonly input: Buffer; readonly what: string };

/** What this thread has computed so far: a machine that is busy with something else does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

type Tools = {
  readonly coverage: Coverage;
  readonly allocations: Allocations;
  readonly random: Random;
  /** A batch that takes longer never ends. */
  readonly hangMs: number;
};

/** The search for one target: inputs that reached something new are kept and changed again. */
export class Fuzzer {
  readonly target: Target;
  readonly #tools: Tools;
  readonly #corpus: Buffer[];
  readonly #outcomes = new Set<number>();
  #executions = 0;
  #isNew = true;
  #batch = BATCH_MIN;

  constructor(target: Target, tools: Tools) {
    this.target = target;
    this.#tools = tools;
    this.#corpus = target.seeds();
  }

  get executions(): number {
    return this.#executions;
  }

  /** Inputs kept. */
  get kept(): number {
    return this.#corpus.length;
  }

  /** Tries a batch of inputs: first the legal ones, then what can be made of those kept. */
  round(): Found | null {
    const { coverage } = this.#tools;
    if (this.#isNew) {
      this.#isNew = false;
      const found = this.#run([...this.#corpus], false);
      coverage.learn(coverage.look());
      return found;
    }
    const inputs = Array.from({ length: this.#batch }, () => this.#next());
    const found = this.#run(inputs, true);
    if (found !== null) return found;
    const places = coverage.look();
    this.#batch = places.size === 0 ? Math.min(2 * this.#batch, BATCH_MAX) : BATCH_MIN;
    if (places.size === 0) return null;
    this.#narrow(inputs, places);
    coverage.learn(places); // what the second time did not reach: it depends on more than the input
    return null;
  }

  #next(): Buffer {
    const { random } = this.#tools;
    const corpus = this.#corpus;
    const recent = random.next() < 0.5 ? Math.min(RECENT, corpus.length) : corpus.length;
    const from = corpus[corpus.length - 1 - integerBelow(random, recent)]!;
    const input = mutate(random, from, { corpus, dictionary: this.target.dictionary ?? [] });
    if (random.next() < 0.8) this.target.repair?.(input);
    return input;
  }

  #run(inputs: readonly Buffer[], keeps: boolean): Found | null {
    let found: Found | null = null;
    let at = 0;
    const { hangMs } = this.#tools;
    while (at < inputs.length && found === null) {
      const isDone = runWithin(hangMs, () => {
        for (; at < inputs.length && found === null; at++) found = this.#one(inputs[at]!, keeps);
      });
      if (isDone || at === inputs.length) break;
      // On a starved machine all of them together may take as long.
      const input = inputs[at++]!;
      if (!runWithin(hangMs, () => void this.#one(input, keeps)))
        return { target: this.target.name, input, what: `ran for ${hangMs} ms and was stopped` };
    }
    return found;
  }

  #one(input: Buffer, keeps: boolean): Found | null {
    this.#executions++;
    const startMs = performance.now();
    const outcome = execute(this.target, input, this.#tools.allocations);
    if (outcome.is === "found") return { target: this.target.name, input, what: outcome.what };
    if (!keeps) return null;
    const fastestMs = performance.now() - startMs > INPUT_MS_MAX ? this.#fastestOf(TRIES, input) : 0;
    if (fastestMs > INPUT_MS_MAX)
      return { target: this.target.name, input, what: `took ${fastestMs.toFixed(1)} ms, again and again` };
    const kind = (this.target.kindOf?.(input) ?? 0) * 2 ** 32 + (outcome.feature >>> 0);
    if (!this.#outcomes.has(kind) && this.#outcomes.size < ENDINGS_KEPT_MAX) {
      this.#outcomes.add(kind);
      this.#corpus.push(input);
    }
    return null;
  }

  /** Keeps those of the inputs that reach `places`, found by halves: what the first half does not reach the second one must have. */
  #narrow(inputs: readonly Buffer[], places: Places): void {
    const { coverage } = this.#tools;
    if (inputs.length === 1) {
      coverage.learn(places);
      this.#corpus.push(inputs[0]!);
      return;
    }
    const middle = inputs.length >> 1;
    const first = inputs.slice(0, middle);
    this.#run(first, false);
    const reached = coverage.look();
    if (reached.size > 0) this.#narrow(first, reached);
    const left = coverage.unknownOf(places);
    if (left.size > 0) this.#narrow(inputs.slice(middle), left);
  }

  #fastestOf(tries: number, input: Buffer): number {
    const took = Array.from({ length: tries }, () => {
      const startMs = cpuMs();
      execute(this.target, input, this.#tools.allocations);
      return cpuMs() - startMs;
    });
    return Math.min(...took);
  }
}
