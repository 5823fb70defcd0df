import { describe, expect, test, vi } from "vitest";
import { search, type SearchOptions } from "./search.ts";
import { faultless, hanging, plantedTargets } from "./testing/planted.ts";

vi.setConfig({ testTimeout: 120_000 });

const options: SearchOptions = {
  seed: 1,
  runsMax: 2_000_000,
  msMax: Infinity,
  isWatched: (url) => url.includes("/testing/planted.ts"),
};

describe("what is planted is found (N-03)", () => {
  test.for(plantedTargets.map(({ target, says }) => [target.name, says, target] as const))(
    "%s",
    ([, says, target], { expect: expected }) => {
      const { found } = search([target], options);
      expected(found.map(({ what }) => what)).toEqual([expected.stringContaining(says)]);
    },
  );

  test("an input that never ends is stopped and named", () => {
    const { found } = search([hanging], { ...options, hangMs: 200 });
    expect(found[0]?.what).toContain("was stopped");
    expect(found[0]?.input.subarray(0, 2).toString("hex")).toBe("6fd7");
  });
});

test("without coverage to lead it the search does not come through the door", () => {
  const { found } = search([plantedTargets[0]!.target], { ...options, runsMax: 100_000, isWatched: () => false });
  expect(found).toEqual([]);
});

test("where nothing is wrong nothing is found, and everything is put back", () => {
  const before = [Buffer.alloc, Array.from, globalThis.Uint8Array, Error.stackTraceLimit];
  const { found, executions } = search([faultless], { ...options, runsMax: 20_000 });
  expect(found).toEqual([]);
  expect(executions).toBeGreaterThanOrEqual(20_000);
  expect([Buffer.alloc, Array.from, globalThis.Uint8Array, Error.stackTraceLimit]).toEqual(before);
});
