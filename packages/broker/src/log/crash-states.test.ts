import { expect, test } from "vitest";
import { crashEverywhere } from "../testing/crash-states.ts";

/** Thousands of disks, each opened twice. */
const DISKS_MS = 300_000;

test(
  "L-01, L-03 … L-07, L-14 … L-16: before each operation of the disk, a kill or a loss of power leaves legal logs",
  { timeout: DISKS_MS },
  async () => {
    let states = 0;
    for (let seed = 1; seed <= 2; seed++) {
      const run = await crashEverywhere(seed, 30);
      expect(run.failures).toEqual([]);
      states += run.states;
    }
    process.stdout.write(`${states} crash states\n`);
    expect(states).toBeGreaterThan(1500);
  },
);
