/** One call of a client, as the client saw it. Times are any numbers that grow. */
export type Call<Input, Output> = {
  input: Input;
  calledAt: number;
  /** Null: never came, so whatever was asked may have been done at any time since, or never. */
  answer: { at: number; output: Output } | null;
};

/** What one object does with one call after the other. `name` is the same for equal states only. */
export type Sequential<State, Input, Output> = {
  start: State;
  apply(state: State, input: Input): { state: State; output: Output };
  isSame(one: Output, other: Output): boolean;
  name(state: State): string;
};

/** `stuckAt`: the call that the search could explain least. */
export type Verdict = { is: "linearizable" } | { is: "impossible"; stuckAt: number } | { is: "gaveUp"; steps: number };

/**
 * Whether there is an order of the calls in which each takes effect at once, between call and answer (Herlihy and Wing): a search over
 * orders by Wing and Gong, which remembers what it tried (Lowe, "Testing for linearizability", 2017). Knows nothing of how the answers came about.
 */
export function judge<State, Input, Output>(
  object: Sequential<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  { stepsMax }: { stepsMax: number },
): Verdict {
  const search = new Search(object, calls, stepsMax);
  if (search.explains(object.start, 0, 0)) return { is: "linearizable" };
  if (search.steps > stepsMax) return { is: "gaveUp", steps: search.steps };
  return { is: "impossible", stuckAt: search.stuckAt };
}

class Search<State, Input, Output> {
  steps = 0;
  stuckAt = -1;
  readonly #object: Sequential<State, Input, Output>;
  readonly #calls: readonly Call<Input, Output>[];
  readonly #stepsMax: number;
  readonly #byCall: number[];
  /** Of those that were answered. */
  readonly #byAnswer: number[];
  readonly #isDone: Uint32Array;
  readonly #tried = new Set<string>();
  #furthest = -1;

  constructor(object: Sequential<State, Input, Output>, calls: readonly Call<Input, Output>[], stepsMax: number) {
    this.#object = object;
    this.#calls = calls;
    this.#stepsMax = stepsMax;
    this.#byCall = [...calls.keys()].toSorted((one, other) => calls[one]!.calledAt - calls[other]!.calledAt);
    const answered = [...calls.keys()].filter((at) => calls[at]!.answer);
    this.#byAnswer = answered.toSorted((one, other) => calls[one]!.answer!.at - calls[other]!.answer!.at);
    this.#isDone = new Uint32Array(Math.ceil(calls.length / 32));
  }

  /** Whether what is not done yet can follow on `state`. All calls before `fromCall`, and answers before `fromAnswer`, are of calls that are done. */
  explains(state: State, fromCall: number, fromAnswer: number): boolean {
    while (fromAnswer < this.#byAnswer.length && this.#has(this.#byAnswer[fromAnswer]!)) fromAnswer++;
    const next = this.#byAnswer[fromAnswer];
    if (next === undefined) return true;
    while (this.#has(this.#byCall[fromCall]!)) fromCall++;
    for (const at of this.#candidates(fromCall, this.#calls[next]!.answer!.at)) {
      if (++this.steps > this.#stepsMax) return false;
      const { input, answer } = this.#calls[at]!;
      const { state: after, output } = this.#object.apply(state, input);
      const name = this.#object.name(after);
      // A call without an answer that changes nothing is as good as none.
      if (answer ? !this.#object.isSame(output, answer.output) : name === this.#object.name(state)) continue;
      this.#flip(at);
      const tried = `${this.#isDone.join()} ${name}`;
      const isNew = !this.#tried.has(tried);
      this.#tried.add(tried);
      if (isNew && this.explains(after, fromCall, fromAnswer)) return true;
      this.#flip(at);
    }
    if (fromAnswer > this.#furthest) [this.#furthest, this.stuckAt] = [fromAnswer, next];
    return false;
  }

  /** What may come next: all that was asked before the next answer came. Those that were answered come first, because their answers show mistakes soon. */
  #candidates(fromCall: number, beforeMs: number): number[] {
    const answered: number[] = [];
    const open: number[] = [];
    for (const at of this.#byCall.slice(fromCall)) {
      const { calledAt, answer } = this.#calls[at]!;
      if (calledAt > beforeMs) break;
      if (!this.#has(at)) (answer ? answered : open).push(at);
    }
    return [...answered, ...open];
  }

  #has(at: number): boolean {
    return (this.#isDone[at >> 5]! & (1 << (at & 31))) !== 0;
  }

  #flip(at: number): void {
    this.#isDone[at >> 5]! ^= 1 << (at & 31);
  }
}
