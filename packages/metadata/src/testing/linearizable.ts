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

/** `calls`: the fewest last ones, in the order of their answers, that no order explains. */
export type Verdict = { is: "linearizable" } | { is: "impossible"; calls: number[] } | { is: "gaveUp"; steps: number };

type Event = { call: number; isAnswer: boolean; before: Event | null; after: Event | null; partner: Event | null };

/**
 * Whether there is an order of the calls in which each takes effect at once, between call and answer (Herlihy and Wing): a search over
 * orders by Wing and Gong, which remembers what it tried (Lowe, "Testing for linearizability", 2017). Knows nothing of how the answers came about.
 */
export function judge<State, Input, Output>(
  object: Sequential<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  { stepsMax }: { stepsMax: number },
): Verdict {
  const head = eventsOf(calls);
  const isDone = new Uint32Array(Math.ceil(calls.length / 32) || 1);
  const tried = new Set<string>();
  const path: { event: Event; state: State }[] = [];
  let waiting = calls.filter(({ answer }) => answer !== null).length;
  let { start: state } = object;
  let best = waiting;
  let stuckAt: number[] = [];
  let steps = 0;
  for (let event = head.after; waiting > 0;) {
    if (++steps > stepsMax) return { is: "gaveUp", steps };
    if (event && !event.isAnswer) {
      const next = attempt(object, state, calls[event.call]!);
      flip(isDone, event.call);
      const isNew = next !== null && isFirst(tried, `${isDone.join()} ${object.name(next.state)}`);
      if (!isNew) {
        flip(isDone, event.call);
        event = event.after;
        continue;
      }
      path.push({ event, state });
      ({ state } = next);
      if (event.partner) waiting--;
      lift(event);
      event = head.after;
      continue;
    }
    // Somebody has the answer of a call that nothing allowed so far explains: an earlier choice was wrong.
    if (event && waiting <= best) [best, stuckAt] = [waiting, [event.call]];
    const last = path.pop();
    if (!last) return { is: "impossible", calls: stuckAt };
    ({ state } = last);
    flip(isDone, last.event.call);
    if (last.event.partner) waiting++;
    unlift(last.event);
    event = last.event.after;
  }
  return { is: "linearizable" };
}

/** What comes after the call; null when it would not answer what was answered. */
function attempt<State, Input, Output>(
  object: Sequential<State, Input, Output>,
  before: State,
  { input, answer }: Call<Input, Output>,
): { state: State } | null {
  const { state, output } = object.apply(before, input);
  return answer && !object.isSame(output, answer.output) ? null : { state };
}

function isFirst(tried: Set<string>, name: string): boolean {
  if (tried.has(name)) return false;
  tried.add(name);
  return true;
}

function flip(bits: Uint32Array, at: number): void {
  bits[at >> 5]! ^= 1 << (at & 31);
}

/** All calls and answers in the order of their times, behind a head; calls come before answers of the same time. */
function eventsOf(calls: readonly Call<unknown, unknown>[]): Event {
  const timed: { at: number; event: Event }[] = [];
  const event = (call: number, isAnswer: boolean): Event => ({
    call,
    isAnswer,
    before: null,
    after: null,
    partner: null,
  });
  for (const [at, { calledAt, answer }] of calls.entries()) {
    const called = event(at, false);
    timed.push({ at: calledAt, event: called });
    if (!answer) continue;
    called.partner = event(at, true);
    timed.push({ at: answer.at, event: called.partner });
  }
  timed.sort((one, other) => one.at - other.at || Number(one.event.isAnswer) - Number(other.event.isAnswer));
  const head = event(-1, false);
  let last = head;
  for (const { event: each } of timed) {
    last.after = each;
    each.before = last;
    last = each;
  }
  return head;
}

/** Takes a call and its answer out of the list; they still know where they were. */
function lift(called: Event): void {
  for (const event of [called, called.partner]) {
    if (!event) continue;
    event.before!.after = event.after;
    if (event.after) event.after.before = event.before;
  }
}

/** Puts back what was taken out last. */
function unlift(called: Event): void {
  for (const event of [called.partner, called]) {
    if (!event) continue;
    event.before!.after = event;
    if (event.after) event.after.before = event;
  }
}
