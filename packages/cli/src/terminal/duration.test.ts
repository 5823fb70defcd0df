import { expect, it } from "vitest";
import { durationMs } from "./duration.ts";

it.for([
  ["500ms", 500],
  ["5s", 5000],
  ["5", 5000],
  ["1.5m", 90_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
] as const)("reads %s", ([text, ms]) => {
  expect(durationMs(text)).toBe(ms);
});

it.for(["", "soon", "-5s", "5 s 3"])("refuses %s", (text) => {
  expect(() => durationMs(text)).toThrow("not a duration");
});
