import { readRegressions } from "@odradek/kit/simulation";
import { expect, test } from "vitest";

import { simulateCluster } from "./cluster-sim.ts";

const regressions = readRegressions(new URL("cluster-regressions.txt", import.meta.url));

test.each(regressions)("seed $seed finds nothing any more: $what", { timeout: 60_000 }, async ({ seed, only }) => {
  expect((await simulateCluster(seed, only)).failure).toBeNull();
});

test("whole clusters keep their promises to their clients in every simulated world", { timeout: 120_000 }, async () => {
  const startedMs = performance.now();
  let acknowledged = 0;
  for (let seed = 1; seed <= 20 && (seed <= 4 || performance.now() - startedMs < 10_000); seed++) {
    const result = await simulateCluster(seed);
    expect(result.failure, `SIM=cluster SEED=${seed}`).toBeNull();
    acknowledged += result.acknowledged;
  }
  expect(acknowledged).toBeGreaterThan(500);
});

test("the same seed gives the same trace", { timeout: 60_000 }, async () => {
  const result = await simulateCluster(2);
  expect(await simulateCluster(2)).toEqual(result);
  expect((await simulateCluster(3)).trace).not.toBe(result.trace);
});
