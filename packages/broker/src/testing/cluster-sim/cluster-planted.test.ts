import { availableParallelism } from "node:os";
import { caughtAt, checkFits, survivorsOf } from "@odradek/kit/simulation";
import { expect, test } from "vitest";

import { clusterSimulation } from "./cluster-simulation.ts";

test.each(clusterSimulation.bugs)("$id: the planted bug $name still fits the product", (bug) => {
  checkFits(bug, clusterSimulation.sources);
  expect(caughtAt(clusterSimulation).has(bug.name), "it was caught once").toBe(true);
});

test("the simulator of the cluster sees every planted bug", { timeout: 300_000 }, async () => {
  expect(await survivorsOf(clusterSimulation, Math.min(2, availableParallelism()))).toEqual([]);
});
