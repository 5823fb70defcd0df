import { expect, it } from "vitest";
import { parseSince } from "./log.ts";

it("takes a bare number for a revision and everything with a unit for a time", () => {
  expect(parseSince(undefined, 100_000)).toEqual({});
  expect(parseSince("0", 100_000)).toEqual({ afterRevision: 0 });
  expect(parseSince("42", 100_000)).toEqual({ afterRevision: 42 });
  expect(parseSince("99999999999999999999", 100_000)).toEqual({ afterRevision: Number.MAX_SAFE_INTEGER });
  expect(parseSince("10s", 100_000)).toEqual({ sinceMs: 90_000 });
  expect(parseSince("7d", 100_000)).toEqual({ sinceMs: 0 });
  expect(() => parseSince("soon", 100_000)).toThrow("not a duration");
});
