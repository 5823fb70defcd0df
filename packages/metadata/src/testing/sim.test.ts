import { readRegressions } from "@odradek/kit/simulation";
import { expect, test } from "vitest";

import { regressionsFile, serviceEvery } from "./sim-simulation.ts";
import { simulateSeed } from "./sim-worlds.ts";
import { simulate } from "./sim.ts";

test.each(readRegressions(regressionsFile))(
  "seed $seed finds nothing any more: $what",
  { timeout: 90_000 },
  async ({ seed, only }) => {
    expect((await simulateSeed(seed, only)).failure).toBeNull();
  },
);

test("the quorum keeps its promises in every simulated world", { timeout: 90_000 }, async () => {
  const startedMs = performance.now();
  let acknowledged = 0;
  for (let seed = 1; seed <= 400 && (seed <= 20 || performance.now() - startedMs < 10_000); seed++) {
    const result = await simulate(seed);
    expect(result.failure, `SIM=metadata SEED=${seed}`).toBeNull();
    acknowledged += result.acknowledged;
  }
  expect(acknowledged).toBeGreaterThan(500);
});

test("whole services keep their promises to their clients in every simulated world", { timeout: 90_000 }, async () => {
  const startedMs = performance.now();
  let acknowledged = 0;
  for (let at = 1; at <= 30 && (at <= 5 || performance.now() - startedMs < 8_000); at++) {
    const result = await simulateSeed(at * serviceEvery);
    expect(result.failure, `SIM=metadata SEED=${at * serviceEvery}`).toBeNull();
    acknowledged += result.acknowledged;
  }
  expect(acknowledged).toBeGreaterThan(500);
});

test("the same seed gives the same trace", { timeout: 60_000 }, async () => {
  for (const seed of [3, 11, 40]) expect(await simulateSeed(seed)).toEqual(await simulateSeed(seed));
  expect((await simulate(3)).trace).not.toBe((await simulate(4)).trace);
});
