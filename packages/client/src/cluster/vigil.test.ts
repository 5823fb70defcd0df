import { VirtualClock } from "@odradek/kit/testing";
import { expect, test } from "vitest";
import { Vigil } from "./vigil.ts";

/** A vigil over broker 1, with the times at which it was asked about. */
function started(isInCluster: () => boolean = () => true) {
  const clock = new VirtualClock();
  const askedMs: number[] = [];
  const goneMs: number[] = [];
  const vigil = new Vigil({
    clock,
    isInCluster: () => {
      askedMs.push(clock.now());
      return Promise.resolve(isInCluster());
    },
    gone: () => void goneMs.push(clock.now()),
  });
  return { clock, vigil, askedMs, goneMs };
}

const never = new Promise<never>(() => {});

test("a broker that owes an answer is asked about after two seconds, and given up when the others have", async () => {
  let isThere = true;
  const { clock, vigil, askedMs, goneMs } = started(() => isThere);
  void vigil.over(1, never);
  await clock.advance(1_999);
  expect([askedMs, vigil.isSilent(1)]).toEqual([[], false]);
  await clock.advance(1);
  expect([askedMs, vigil.isSilent(1)]).toEqual([[2_000], true]);
  isThere = false;
  await clock.advance(250);
  expect(goneMs).toEqual([2_250]);
});

test("the longer it is silent, the more seldom it is asked about; we learn of its end a sixteenth late at most", async () => {
  for (const silentMs of [6_000, 60_000]) {
    let isThere = true;
    const { clock, vigil, askedMs, goneMs } = started(() => isThere);
    void vigil.over(1, never);
    await clock.advance(silentMs);
    expect(askedMs.length).toBeLessThan(60);
    isThere = false;
    await clock.advance(silentMs / 16);
    expect(goneMs.length).toBe(1);
  }
});

test("an answer that may wait is silence only once it has waited; others that are due before it are not overlooked", async () => {
  const { clock, vigil, askedMs } = started();
  void vigil.over(1, never, 30_000);
  await clock.advance(10_500);
  expect([askedMs, vigil.isSilent(1)]).toEqual([[], false]);
  let answer = (): void => {};
  const soon = vigil.over(1, new Promise<void>((resolve) => (answer = resolve)));
  await clock.advance(2_000);
  expect(askedMs).toEqual([12_500]);
  answer();
  await soon;
  await clock.advance(19_499);
  expect([askedMs.length, vigil.isSilent(1)]).toEqual([1, false]);
  await clock.advance(1);
  expect(askedMs).toEqual([12_500, 32_000]);
});
