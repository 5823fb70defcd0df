import { expect, test } from "vitest";

import { simulate } from "./sim.ts";

test.each([131, 5345])("seed %i, which found a bug once, finds none", async (seed) => {
  expect((await simulate(seed)).failure).toBeNull();
});

test("the quorum keeps its promises in every simulated world", { timeout: 90_000 }, async () => {
  const startedMs = performance.now();
  let acknowledged = 0;
  for (let seed = 1; seed <= 400 && (seed <= 20 || performance.now() - startedMs < 20_000); seed++) {
    const result = await simulate(seed);
    expect(result.failure, `SIM=metadata SEED=${seed}`).toBeNull();
    acknowledged += result.acknowledged;
  }
  expect(acknowledged).toBeGreaterThan(1000);
});

test("the same seed gives the same trace", { timeout: 60_000 }, async () => {
  for (const seed of [3, 11, 17]) expect(await simulate(seed)).toEqual(await simulate(seed));
  expect((await simulate(3)).trace).not.toBe((await simulate(4)).trace);
});
