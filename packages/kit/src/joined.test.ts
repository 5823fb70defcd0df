import { expect, test } from "vitest";
import { Joined } from "./joined.ts";

/** Work whose runs end when they are told to. */
function workUnderHand(): { work: () => Promise<void>; runs: PromiseWithResolvers<void>[] } {
  const runs: PromiseWithResolvers<void>[] = [];
  const work = (): Promise<void> => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  };
  return { work, runs };
}

test("who asks while a run is under way shares the next one: that run may not have seen what they want", async () => {
  const { work, runs } = workUnderHand();
  const joined = new Joined(work);
  const ended: string[] = [];
  const ask = (name: string): Promise<unknown> => joined.run().then(() => ended.push(name));
  const asked = ["first", "second", "third"].map(ask);
  expect(runs).toHaveLength(1);
  runs[0]!.resolve();
  await asked[0];
  expect(ended).toEqual(["first"]);
  await expect.poll(() => runs.length).toBe(2);
  asked.push(ask("fourth"));
  runs[1]!.resolve();
  await asked[2];
  expect(ended).toEqual(["first", "second", "third"]);
  await expect.poll(() => runs.length).toBe(3);
  runs[2]!.resolve();
  await asked[3];
  expect([runs.length, joined.isIdle]).toEqual([3, true]);
});

test("a run that fails fails for those who shared it, and for nobody else", async () => {
  const { work, runs } = workUnderHand();
  const joined = new Joined(work);
  const asked = [joined.run(), joined.run(), joined.run()];
  runs[0]!.reject(new Error("EIO"));
  await expect(asked[0]).rejects.toThrow("EIO");
  await expect.poll(() => runs.length).toBe(2);
  runs[1]!.resolve();
  await Promise.all(asked.slice(1));
  const again = joined.run();
  runs[2]!.resolve();
  await again;
  expect(joined.isIdle).toBe(true);
});
