import { availableParallelism } from "node:os";
import { catchBug, caughtAt, checkFits, ciSeeds, survivorsOf } from "@odradek/kit/simulation";
import { expect, test } from "vitest";

import { metadataSimulation } from "./sim-simulation.ts";

test.each(metadataSimulation.bugs)("$id: the planted bug $name still fits the product", (bug) => {
  checkFits(bug, metadataSimulation.sources);
  expect(caughtAt(metadataSimulation).has(bug.name), "it was caught once").toBe(true);
});

test("the simulator sees every planted bug", { timeout: 480_000 }, async () => {
  expect(await survivorsOf(metadataSimulation, Math.min(2, availableParallelism()))).toEqual([]);
});

test("R-18: what clients were told shows a stale read, without the log", { timeout: 120_000 }, async () => {
  const name = "unconfirmedRead";
  const caught = await catchBug(metadataSimulation, name, ciSeeds(metadataSimulation, name));
  expect(caught.failure).toContain("is not linearizable: nothing explains");
});
