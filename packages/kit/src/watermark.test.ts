import { describe, expect, test } from "vitest";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { Watermark } from "./watermark.ts";

describe("Watermark", () => {
  test("a wait for what is already reached ends at once", async () => {
    const watermark = new Watermark(new VirtualClock(), 5);
    expect(await watermark.reached(5, { timeoutMs: 1 })).toBe("reached");
  });

  test("waits end in the order of what they wait for, whatever the order of asking", async () => {
    const watermark = new Watermark(new VirtualClock(), 0);
    const ended: number[] = [];
    const waits = [3, 1, 2, 2].map((at) => watermark.reached(at, { timeoutMs: 100 }).then(() => ended.push(at)));
    watermark.advance(2);
    await Promise.all(waits.slice(1));
    expect(ended).toEqual([1, 2, 2]);
    expect(watermark.waiting).toBe(1);
    watermark.advance(3);
    await waits[0];
    expect(ended).toEqual([1, 2, 2, 3]);
  });

  test("a wait that is too long says so, and leaves the others alone", async () => {
    const clock = new VirtualClock();
    const watermark = new Watermark(clock, 0);
    const short = watermark.reached(1, { timeoutMs: 10 });
    const long = watermark.reached(1, { timeoutMs: 20 });
    await clock.advance(10);
    expect(await short).toBe("timeout");
    expect(watermark.waiting).toBe(1);
    watermark.advance(1);
    expect(await long).toBe("reached");
    await clock.advance(100);
  });

  test("K-07: closing ends every wait, and every later one that is not satisfied", async () => {
    const watermark = new Watermark(new VirtualClock(), 4);
    const open = watermark.reached(5, { timeoutMs: 1_000 });
    watermark.close();
    expect(await open).toBe("closed");
    expect(await watermark.reached(5, { timeoutMs: 1_000 })).toBe("closed");
    expect(await watermark.reached(4, { timeoutMs: 1_000 })).toBe("reached");
  });

  test("of several waits one may be enough: the others are taken back", () => {
    const watermark = new Watermark(new VirtualClock(), 0);
    const settled: string[] = [];
    const cancel = watermark.when(3, (outcome) => settled.push(`3 ${outcome}`));
    watermark.when(4, (outcome) => settled.push(`4 ${outcome}`));
    cancel();
    expect(watermark.waiting).toBe(1);
    watermark.advance(3);
    expect(settled).toEqual([]);
    watermark.close();
    watermark.when(2, (outcome) => settled.push(`2 ${outcome}`));
    expect(settled).toEqual(["4 closed", "2 reached"]);
  });

  test("it never advances to a lower value; a truncated log retreats by name", () => {
    const watermark = new Watermark(new VirtualClock(), 4);
    expect(() => watermark.advance(3)).toThrow("never goes back");
    watermark.retreat(3);
    expect(watermark.value).toBe(3);
  });
});
