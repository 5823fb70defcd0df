import { availableParallelism } from "node:os";
import { expect, test } from "vitest";

import { caughtAt, plantedBugs } from "./planted/bugs.ts";
import { checkFits } from "./planted/plant.ts";
import { catchBug, ciSeeds } from "./sim-planted.ts";

test.each(plantedBugs)("$id: the planted bug $name still fits the product", (bug) => {
  checkFits(bug);
  expect(caughtAt().has(bug.name), "it was caught once").toBe(true);
});

test("the simulator sees every planted bug", { timeout: 240_000 }, async () => {
  const waiting = plantedBugs.map((bug) => bug.name);
  const survivors: string[] = [];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      if ((await catchBug(name, ciSeeds(name))).seed === null) survivors.push(name);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  expect(survivors).toEqual([]);
});
