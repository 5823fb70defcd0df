import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { PlantedBug } from "./plant.ts";
import type { SimResult } from "./result.ts";

/** What a module of simulated worlds exports: the world of a seed, with those of its planned faults that are in `only`, or all of them. */
export type WorldModule = {
  simulateSeed: (seed: number, only: ReadonlySet<number> | null) => Promise<SimResult>;
};

/** One simulator: its worlds, and the bugs that it must see. */
export type Simulation = {
  name: string;
  /** Module of the worlds; loaded by workers, with a bug planted or without. */
  worlds: string;
  /** The folder of the product's sources that bugs are planted in. */
  sources: string;
  bugs: readonly PlantedBug[];
  /** The file that remembers where each bug was caught. */
  caught: URL;
  /** Whether the world of a seed is one in which the bug can show. */
  canShow: (bug: PlantedBug, seed: number) => boolean;
};

export function bugNamed({ bugs }: Simulation, name: string): PlantedBug {
  const bug = bugs.find((each) => each.name === name);
  if (!bug) throw new Error(`there is no planted bug ${name}, but ${bugs.map((each) => each.name).join(", ")}`);
  return bug;
}

/** Where each bug was caught last, counted from seed 1: the first seed to try. */
export function caughtAt({ caught }: Simulation): ReadonlyMap<string, number> {
  const lines = readFileSync(fileURLToPath(caught), "utf8").trim().split("\n");
  return new Map(lines.map((line) => line.split(" ")).map(([name, seed]) => [name!, Number(seed)]));
}
