import { describe, expect, it } from "vitest";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { type Reached, Watermark } from "./watermark.ts";

describe("Watermark", () => {
  it("ends the waits it satisfies, lowest first", async () => {
    const clock = new VirtualClock();
    const mark = new Watermark(clock, 5);
    const ended: string[] = [];
    const wait = (at: number, timeoutMs: number): void =>
      void mark.reached(at, { timeoutMs }).then((outcome) => ended.push(`${at} ${outcome}`));
    wait(9, 1000);
    wait(7, 1000);
    wait(20, 50);
    wait(5, 1000);
    mark.advance(9);
    await clock.advance(0);
    expect(ended.toSorted()).toEqual(["5 reached", "7 reached", "9 reached"]);
    expect(ended.indexOf("7 reached")).toBeLessThan(ended.indexOf("9 reached"));
    await clock.advance(50);
    expect(ended.at(-1)).toBe("20 timeout");
    expect(mark.waiting).toBe(0);
  });

  it("ends every wait when it is closed, and lets no new one begin", async () => {
    const mark = new Watermark(new VirtualClock(), 0);
    const waiting = mark.reached(1, { timeoutMs: 1000 });
    mark.close();
    expect(await waiting).toBe("closed");
    expect(await mark.reached(1, { timeoutMs: 1000 })).toBe("closed");
    expect(await mark.reached(0, { timeoutMs: 1000 })).toBe("reached");
  });

  it("takes back a wait of which another one was enough", () => {
    const mark = new Watermark(new VirtualClock(), 0);
    const settled: Reached[] = [];
    const cancel = mark.when(3, (outcome) => settled.push(outcome));
    mark.when(4, (outcome) => settled.push(outcome));
    cancel();
    expect(mark.waiting).toBe(1);
    mark.advance(3);
    expect(settled).toEqual([]);
    mark.close();
    expect(settled).toEqual(["closed"]);
    mark.when(2, (outcome) => settled.push(outcome));
    expect(settled).toEqual(["closed", "reached"]);
    cancel();
  });

  it("never goes back by advancing", () => {
    const mark = new Watermark(new VirtualClock(), 5);
    expect(() => mark.advance(4)).toThrow("never goes back");
    mark.retreat(4);
    expect(mark.value).toBe(4);
  });
});
