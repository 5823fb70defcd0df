import { availableParallelism } from "node:os";
import { caughtAt, checkFits, survivorsOf } from "@odradek/kit/simulation";
import { expect, test } from "vitest";

import { metadataSimulation } from "./sim-simulation.ts";

test.each(metadataSimulation.bugs)("$id: the planted bug $name still fits the product", (bug) => {
  checkFits(bug, metadataSimulation.sources);
  expect(caughtAt(metadataSimulation).has(bug.name), "it was caught once").toBe(true);
});

test("the simulator sees every planted bug", { timeout: 240_000 }, async () => {
  expect(await survivorsOf(metadataSimulation, Math.min(2, availableParallelism()))).toEqual([]);
});
