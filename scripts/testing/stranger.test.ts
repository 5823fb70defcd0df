import { describe, expect, test } from "vitest";
import { type Acked, longestGapMs, type Stored, violations } from "./stranger.ts";

const stored: Stored[] = [0, 1, 2, 3].map((number) => ({
  partition: 0,
  offset: number + 10,
  key: `key-${number % 2}`,
  number,
}));
const acked: Acked[] = stored.map((record) => ({ ...record, atMs: 1_000 + record.number * 10 }));

describe("violations", () => {
  test("finds nothing in what was stored as acknowledged", () => {
    expect(violations(acked, stored)).toEqual([]);
  });

  test("allows records that were stored and never acknowledged", () => {
    expect(violations(acked.slice(0, 2), stored)).toEqual([]);
  });

  test("finds an acknowledged record that is gone", () => {
    expect(violations(acked, stored.slice(0, 3))).toEqual(["lost: 3 was acknowledged at 0@13"]);
  });

  test("finds another record at an acknowledged offset", () => {
    const changed = stored.with(3, { ...stored[3]!, number: 7 });
    expect(violations(acked, changed)).toEqual(["0@13 holds 7, acknowledged was 3"]);
  });

  test("finds a record that is stored twice", () => {
    expect(violations(acked, [...stored, { ...stored[3]!, offset: 14 }])).toEqual(["3 is stored 2 times"]);
  });

  test("finds a key whose records changed places", () => {
    const swapped = [stored[0]!, stored[1]!, { ...stored[2]!, offset: 20 }, { ...stored[0]!, number: 4, offset: 15 }];
    expect(violations([], swapped)).toEqual(["key key-0: 2 stands behind 4"]);
  });
});

test("the longest gap is that of the partition that was silent longest", () => {
  const at = (partition: number, atMs: number): Acked => ({ atMs, key: "k", number: atMs, partition, offset: atMs });
  const acks = [at(0, 0), at(1, 0), at(0, 100), at(1, 900), at(0, 200), at(0, 800), at(0, 5_000)];
  expect(longestGapMs(acks, 150, 900)).toBe(4_200);
  expect(longestGapMs(acks.slice(0, -1), 150, 900)).toBe(900);
  expect(longestGapMs(acks.slice(0, -1), 150, 2_000)).toBe(1_200); // partition 0, which is silent still
});
