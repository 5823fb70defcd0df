import { describe, expect, test } from "vitest";
import type { MemoryFiles } from "@odradek/kit/testing";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { DIRECTORY, memoryFiles } from "../testing/log-fixture.ts";
import { type StepFiles, stepFiles } from "../testing/step-files.ts";

const pad = (value: number): string => `${value}`.padEnd(60);

type World = { files: MemoryFiles; steps: StepFiles; words: CompactedLog };

/** A log of several closed segments with few keys, on stable storage. */
async function world(seed: number): Promise<World> {
  const files = memoryFiles(seed);
  const steps = stepFiles(files);
  const words = await CompactedLog.open({ segmentBytes: 400 }, steps);
  for (let n = 0; n < 24; n++) words.put([[`k${n % 4}`, n % 7 === 0 ? null : pad(n)]]);
  await words.roll();
  await words.log.flush();
  words.at.config = { ...words.at.config, segmentBytes: 1100 };
  return { files, steps, words };
}

const view = (words: CompactedLog): Map<string | null, string | null> =>
  new Map(words.entries().map(({ key, value }) => [key, value]));

/** How many operations on the disk one compaction takes. */
async function operations(): Promise<string[]> {
  const { steps, words } = await world(1);
  const seen: string[] = [];
  steps.onChange = (what) => seen.push(what);
  await words.compact();
  return seen;
}

class Death extends Error {}

/** Compacts until operation `at`, then ends the process or the power. */
async function dieAt({ files, steps, words }: World, at: number, how: "kill" | "crash"): Promise<void> {
  let count = 0;
  steps.onChange = () => {
    if (count++ < at) return;
    if (count === at + 1) files[how]();
    throw new Death();
  };
  const compacting = words.compactor().round();
  for (let turns = 0; turns < 200; turns++) await words.at.clock.advance(1);
  await compacting;
  steps.onChange = () => {};
}

const CUTS = Array.from({ length: 20 }, (_, offset) => 3 + offset);

/** Somebody else changes the log while operation `at` of a compaction is under way. */
async function meet(what: "truncate" | "start over" | "close" | "delete", at: number, cut: number): Promise<void> {
  const { files, steps, words } = await world(1);
  let count = 0;
  const endings: Promise<void>[] = [];
  steps.onChange = () => {
    if (count++ !== at) return;
    // As another task would, once this one waits.
    const ending = Promise.resolve().then(async () => {
      if (what === "truncate") words.log.truncateTo(cut);
      if (what === "start over") words.log.truncateFullyAndStartAt(100);
      if (what === "close") await words.log.close();
      if (what === "delete") await words.log.abandon();
    });
    endings.push(ending);
  };
  const compacting = words.compactor().round();
  for (let turns = 0; turns < 100; turns++) await words.at.clock.advance(1);
  await compacting;
  await Promise.all(endings);
  steps.onChange = () => {};
  if (what === "close" || what === "delete") {
    files.kill();
    await words.at.reopen({ cleanShutdown: what === "close", recoveryPoint: 0 });
    expect([at, words.log.end]).toEqual([at, 25]);
    expect(view(words).size).toBe(5);
    return;
  }
  const end = what === "truncate" ? cut : 100;
  expect([at, cut, words.log.failed, words.log.end]).toEqual([at, cut, null, end]);
  words.put([["after", "1"]]);
  await words.at.tick();
  const offsets = words.entries().map(({ offset }) => offset);
  expect(offsets.at(-1)).toBe(end);
  files.kill();
  await words.at.reopen({ recoveryPoint: 0 });
  expect([at, cut, words.entries().map(({ offset }) => offset)]).toEqual([at, cut, offsets]);
}

/** Hundreds of worlds each: minutes on a machine that does much else. */
const WORLDS_MS = 120_000;

describe("compaction and crashes", { timeout: WORLDS_MS }, () => {
  test.for(["kill", "crash"] as const)(
    "L-04: %s before each operation of the disk leaves one legal log",
    async (how) => {
      const total = (await operations()).length;
      expect(total).toBeGreaterThan(40);
      for (let at = 0; at < total; at++) {
        for (const seed of how === "crash" ? [1, 2, 3] : [1]) {
          const here = await world(seed);
          const { words, files } = here;
          const before = view(words);
          const { end } = words.log;
          const recoveryPoint = words.log.synced;
          await dieAt(here, at, how);
          for (const options of [{ recoveryPoint }, { recoveryPoint: 0 }, { cleanShutdown: true, recoveryPoint }]) {
            await words.at.reopen(options);
            expect([how, at, seed, words.log.end]).toEqual([how, at, seed, end]);
            expect(view(words)).toEqual(before);
            files.kill();
          }
          const names = files.list(DIRECTORY);
          expect(names.filter((name) => /\.(cleaned|swap|deleted)$/.test(name))).toEqual([]);
          await words.at.reopen({ recoveryPoint });
          await words.compact();
          await words.roll();
          await words.compact();
          expect(words.entries().filter(({ key }) => key !== "roll")).toHaveLength(4);
        }
      }
    },
  );

  test("readers see every key at its newest value at each moment of a compaction", async () => {
    const { steps, words } = await world(1);
    const before = view(words);
    let looks = 0;
    const look = (): void => {
      expect(view(words)).toEqual(before);
      const offsets = [...words.at.records(looks++ % 24, 200)].map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    };
    // Others have their turn while the disk syncs, and between slices.
    steps.onChange = (what) => what.startsWith("sync") && look();
    words.bytesPerSecondMax = 100_000;
    await words.compact(look);
    expect(words.log.failed).toBeNull();
    expect(looks).toBeGreaterThan(40);
    expect(words.entries().length).toBeLessThan(10);
  });

  test.for(["truncate", "start over", "close", "delete"] as const)(
    "L-18: %s at each operation of a compaction ends as it would without one",
    async (what) => {
      for (const [at, operation] of (await operations()).entries())
        // While the directory is synced everything may happen: there, every place to cut is tried.
        for (const cut of what === "truncate" && operation.endsWith(DIRECTORY) ? CUTS : [9]) await meet(what, at, cut);
    },
  );
});
