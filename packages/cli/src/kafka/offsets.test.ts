import { expect, it } from "vitest";
import { parseStart } from "./offsets.ts";

const nowMs = Date.UTC(2026, 0, 1, 12);

it.for([
  ["start", { is: "start" }],
  ["beginning", { is: "start" }],
  ["end", { is: "end" }],
  ["-10", { is: "last", count: 10 }],
  ["1234", { is: "offset", offset: 1234 }],
  ["@1700000000000", { is: "time", timestamp: 1_700_000_000_000 }],
  ["@2026-01-01T11:00:00Z", { is: "time", timestamp: nowMs - 3_600_000 }],
  ["@-1h", { is: "time", timestamp: nowMs - 3_600_000 }],
] as const)("reads %s", ([text, start]) => {
  expect(parseStart(text, nowMs)).toEqual(start);
});

it.for(["", "first", "@yesterday", "+5", "@-5x"])("refuses %s", (text) => {
  expect(() => parseStart(text, nowMs)).toThrow(/not a/);
});
