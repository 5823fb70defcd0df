import type { Cancel, Clock } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { describe, expect, it } from "vitest";
import { Judge, judgement } from "./judge.ts";

/** A clock whose machine can be frozen: time passes, timers do not run, and all of them run late. */
class FreezingClock implements Clock {
  readonly virtual = new VirtualClock();
  #frozenMs = 0;

  now(): number {
    return this.virtual.now() + this.#frozenMs;
  }

  wallMs(): number {
    return this.virtual.wallMs() + this.#frozenMs;
  }

  timer(delayMs: number, run: () => void): Cancel {
    return this.virtual.timer(delayMs, run);
  }

  afterTick(run: () => void): void {
    this.virtual.afterTick(run);
  }

  freeze(ms: number): void {
    this.#frozenMs += ms;
  }
}

function court(): { clock: FreezingClock; judge: Judge; sentenced: string[] } {
  const clock = new FreezingClock();
  const sentenced: string[] = [];
  return { clock, sentenced, judge: new Judge(clock, (session) => sentenced.push(session)) };
}

describe("Judge", () => {
  it("C-18: expires nobody when the whole machine stood still for 20 s", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([]);
    for (const id of ["a", "b", "c"]) judge.attached(id, 6_000);
    await clock.virtual.advance(1_000);
    clock.freeze(20_000);
    await clock.virtual.advance(4_500);
    expect(sentenced).toEqual([]);
    judge.heard("a");
    await clock.virtual.advance(1_000);
    expect(sentenced.toSorted()).toEqual(["b", "c"]);
    judge.stop();
  });

  it("C-18: a loop that is late again and again still expires the dead, and only later", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([]);
    judge.attached("dead", 6_000);
    let passed = 0;
    for (; sentenced.length === 0; passed += 550) {
      clock.freeze(500);
      await clock.virtual.advance(50);
    }
    expect(passed).toBeGreaterThan(6_000);
    expect(passed).toBeLessThan(60 * 550 + 1);
    judge.stop();
  });

  it("C-01: a new term gives every session a full timeout to be heard once it has attached", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([{ id: "a", timeoutMs: 6_000 }]);
    await clock.virtual.advance(900);
    judge.attached("a", 6_000);
    await clock.virtual.advance(5_900);
    expect(sentenced).toEqual([]);
    await clock.virtual.advance(200);
    expect(sentenced).toEqual(["a"]);
    judge.stop();
  });

  it("C-05: sentences again until the expiry came about", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([]);
    judge.attached("a", 2_000);
    judge.broken("a");
    await clock.virtual.advance(1_000);
    expect(sentenced).toEqual(["a"]);
    judge.spared("a", false);
    await clock.virtual.advance(100);
    expect(sentenced).toEqual(["a", "a"]);
    judge.ended("a");
    await clock.virtual.advance(10_000);
    expect(sentenced).toHaveLength(2);
    judge.stop();
  });

  it("sentences as soon as the grace is over, not at the tick after it, and never sooner", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([{ id: "other", timeoutMs: 6_000 }]);
    judge.attached("a", 6_000);
    await clock.virtual.advance(110);
    judge.broken("a");
    await clock.virtual.advance(judgement.graceMs - 1);
    expect(sentenced).toEqual([]);
    await clock.virtual.advance(2);
    expect(sentenced).toEqual(["a"]);
    await clock.virtual.advance(judgement.newLeaderGraceMs - judgement.graceMs - 110 + 1);
    expect(sentenced).toEqual(["a", "other"]);
    judge.stop();
  });

  it("sentences a process that is dead for certain at once, whatever was heard of it, and once", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([]);
    judge.attached("a", 6_000);
    judge.dead("a");
    expect(sentenced).toEqual(["a"]);
    await clock.virtual.advance(1_000);
    judge.dead("a");
    judge.dead("b");
    expect(sentenced).toEqual(["a"]);
    judge.stop();
  });

  it("C-02: judges nobody after its term", async () => {
    const { clock, judge, sentenced } = court();
    judge.start([{ id: "a", timeoutMs: 2_000 }]);
    judge.stop();
    judge.attached("b", 2_000);
    await clock.virtual.advance(10_000);
    expect(sentenced).toEqual([]);
  });
});
