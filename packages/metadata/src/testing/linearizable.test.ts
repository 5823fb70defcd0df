import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Call, judge } from "./linearizable.ts";
import { register, type RegisterInput, type RegisterOutput } from "./register.ts";

type RegisterCall = Call<RegisterInput, RegisterOutput>;

const set = (value: string, version: number | "any" = "any"): RegisterInput => ({ is: "set", value, version });
const get: RegisterInput = { is: "get" };
const create = (value: string): RegisterInput => ({ is: "create", value });
const found = (value: string, version: number): RegisterOutput => ({ is: "found", value, version });
const done = (version: number): RegisterOutput => ({ is: "done", version });
const failed = (why: string): RegisterOutput => ({ is: "failed", why });
/** `from` and `to` are its times; without an output it was never answered. */
const call = (from: number, to: number, input: RegisterInput, output?: RegisterOutput): RegisterCall => ({
  input,
  calledAt: from,
  answer: output ? { at: to, output } : null,
});
const verdict = (...calls: RegisterCall[]): string => judge(register, calls, { stepsMax: 100_000 }).is;

describe("linearizability", () => {
  it("accepts what happened one after the other", () => {
    const created = call(0, 1, create("a"), done(1));
    expect(verdict(created, call(2, 3, set("b", 1), done(2)), call(4, 5, get, found("b", 2)))).toBe("linearizable");
    expect(verdict(call(0, 1, get, { is: "nothing" }), call(2, 3, set("a"), failed("NO_NODE")))).toBe("linearizable");
  });

  it("accepts either order of calls that overlap", () => {
    const writes = [call(0, 1, create("a"), done(1)), call(2, 9, set("b"), done(2)), call(2, 9, set("c"), done(3))];
    expect(verdict(...writes, call(3, 4, get, found("a", 1)), call(5, 6, get, found("b", 2)))).toBe("linearizable");
    expect(verdict(...writes, call(10, 11, get, found("c", 3)))).toBe("linearizable");
    expect(verdict(...writes, call(10, 11, get, found("b", 2)))).toBe("impossible");
  });

  it("rejects a read of what was overwritten before it began", () => {
    const writes = [call(0, 1, create("a"), done(1)), call(2, 3, set("b"), done(2))];
    expect(verdict(...writes, call(4, 5, get, found("a", 1)))).toBe("impossible");
  });

  it("rejects two reads that see a write and then do not", () => {
    const writes = [call(0, 1, create("a"), done(1)), call(2, 20, set("b"), done(2))];
    expect(verdict(...writes, call(3, 4, get, found("b", 2)), call(5, 6, get, found("a", 1)))).toBe("impossible");
  });

  it("rejects a lost update: two exact writes that both found the same version", () => {
    const created = call(0, 1, create("a"), done(1));
    expect(verdict(created, call(2, 9, set("b", 1), done(2)), call(2, 9, set("c", 1), done(2)))).toBe("impossible");
  });

  it("lets an unanswered write take effect at any time after it was asked, or never", () => {
    const calls = [call(0, 1, create("a"), done(1)), call(2, 0, set("b"))];
    expect(verdict(...calls, call(90, 91, get, found("a", 1)))).toBe("linearizable");
    expect(verdict(...calls, call(50, 51, get, found("a", 1)), call(90, 91, get, found("b", 2)))).toBe("linearizable");
    expect(verdict(...calls, call(50, 51, get, found("b", 2)), call(90, 91, get, found("a", 1)))).toBe("impossible");
    expect(verdict(call(0, 1, get, found("b", 1)), call(2, 0, create("b")))).toBe("impossible");
  });

  it("names the call that no order explains, and gives up where it was told to", () => {
    const calls = [call(0, 1, create("a"), done(1)), call(2, 3, set("b"), done(2)), call(4, 5, get, found("a", 1))];
    expect(judge(register, calls, { stepsMax: 1000 })).toEqual({ is: "impossible", stuckAt: 2 });
    expect(judge(register, calls, { stepsMax: 2 })).toEqual({ is: "gaveUp", steps: 3 });
  });
});

const inputs = fc.oneof(
  fc.constant(get),
  fc.constantFrom("a", "b").map(create),
  fc
    .tuple(fc.constantFrom("a", "b"), fc.constantFrom<number | "any">("any", 1, 2))
    .map(([v, version]) => set(v, version)),
  fc.constantFrom<number | "any">("any", 1).map((version): RegisterInput => ({ is: "delete", version })),
);
/** Calls that took effect one after the other, each seen from its client to begin before and to end after. */
const histories = fc.array(fc.tuple(inputs, fc.nat(30), fc.nat(30), fc.boolean()), { maxLength: 30 }).map((steps) => {
  let state = register.start;
  return steps.map(([input, early, late, isAnswered], at) => {
    const applied = register.apply(state, input);
    ({ state } = applied);
    return call(at * 10 - early, at * 10 + late, input, isAnswered || at % 4 > 0 ? applied.output : undefined);
  });
});

describe("linearizability, for any history", () => {
  it("accepts what really happened in some order, however the calls overlapped", () => {
    fc.assert(
      fc.property(histories, (calls) => {
        expect(verdict(...calls)).toBe("linearizable");
      }),
    );
  });

  it("says what trying every order says", () => {
    const outputs = fc.oneof(
      fc.constantFrom<RegisterOutput>({ is: "nothing" }, done(1), done(2), failed("NO_NODE"), failed("BAD_VERSION")),
      fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 1, max: 2 })).map(([v, version]) => found(v, version)),
    );
    const any = fc.tuple(inputs, fc.nat(8), fc.nat(8), fc.option(outputs, { freq: 5 }));
    const small = fc.array(any, { maxLength: 5 });
    let [yes, no] = [0, 0];
    fc.assert(
      fc.property(fc.oneof(small, small), (steps) => {
        const calls = steps.map(([input, from, long, output]) => call(from, from + long, input, output ?? undefined));
        const expected = isExplained(calls, new Set(calls.keys()), register.start);
        if (expected) yes++;
        else no++;
        expect(verdict(...calls)).toBe(expected ? "linearizable" : "impossible");
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(yes, no)).toBeGreaterThan(100);
  });
});

/** Tries every order. */
function isExplained(calls: readonly RegisterCall[], open: Set<number>, state: typeof register.start): boolean {
  const answeredAt = (at: number): number => calls[at]!.answer?.at ?? Infinity;
  const earliest = Math.min(...[...open].map(answeredAt));
  if (earliest === Infinity) return true;
  return [...open].some((at) => {
    const { input, calledAt, answer } = calls[at]!;
    if (calledAt > earliest) return false;
    const applied = register.apply(state, input);
    if (answer && !register.isSame(applied.output, answer.output)) return false;
    return isExplained(calls, new Set([...open].filter((other) => other !== at)), applied.state);
  });
}
