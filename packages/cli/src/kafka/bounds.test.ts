import { expect, it } from "vitest";
import { beginAt, type Bounds, noticesOf } from "./bounds.ts";
import type { Start } from "./offsets.ts";

it.for([
  [{ is: "start" }, 10, 30, 10],
  [{ is: "end" }, 10, 30, 30],
  [{ is: "last", count: 5 }, 10, 30, 25],
  [{ is: "last", count: 50 }, 10, 30, 10],
  [{ is: "time", timestamp: 1 }, 12, 30, 12],
  [{ is: "time", timestamp: 1 }, -1, 30, 30],
  [{ is: "offset", offset: 10 }, 10, 30, 10],
  [{ is: "offset", offset: 30 }, 10, 30, 30],
] as const satisfies [Start, number, number, number][])("begins, asked for %o in %d to %d, at %d", (row) => {
  const [start, first, end, begin] = row;
  expect(beginAt(start, first, end)).toEqual({ start: begin, outside: null });
});

it("names what a log has that does not have the offset", () => {
  expect(beginAt({ is: "offset", offset: 31 }, 10, 30)).toEqual({ start: 30, outside: "has offsets 10 to 29" });
  expect(beginAt({ is: "offset", offset: 9 }, 10, 30)).toEqual({ start: 10, outside: "has offsets 10 to 29" });
  expect(beginAt({ is: "offset", offset: 1 }, 0, 0)).toEqual({ start: 0, outside: "is empty at offset 0" });
});

const bounds = (partition: number, outside: string | null): Bounds => ({
  ...{ topic: "words", partition, start: 0, end: 9 },
  outside,
});

it("goes on where a partition has the offset, and fails where none has it", () => {
  expect(noticesOf([bounds(0, null), bounds(1, "has offsets 0 to 8")], "50")).toEqual([
    "no offset 50: words-1 has offsets 0 to 8; reading from 0",
  ]);
  expect(noticesOf([bounds(0, null)], "5")).toEqual([]);
  const all = Array.from({ length: 7 }, (_, partition) => bounds(partition, "has offsets 0 to 8"));
  expect(() => noticesOf(all, "50")).toThrow(/^there is no offset 50: words-0 has offsets 0 to 8; .*; 2 more$/);
});
