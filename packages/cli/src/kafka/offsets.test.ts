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

it.for(["9007199254740992", "9223372036854775808", "-9223372036854775808"])("refuses %s, which no log has", (text) => {
  expect(() => parseStart(text, nowMs)).toThrow(/not an offset: \d+ \(0 to 9007199254740991\)/);
});

it.for(["@99999999999999999999", "@1969-12-31T00:00:00Z"])("refuses %s, which is no time of a record", (text) => {
  expect(() => parseStart(text, nowMs)).toThrow(/not a time/);
});

it("takes a duration longer than time itself as the beginning of time", () => {
  expect(parseStart("@-99999d", nowMs)).toEqual({ is: "time", timestamp: 0 });
});

it.for(["", "first", "@yesterday", "+5", "@-5x"])("refuses %s", (text) => {
  expect(() => parseStart(text, nowMs)).toThrow(/not a/);
});
