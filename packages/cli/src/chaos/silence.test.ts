import { expect, test } from "vitest";
import { Silence } from "./silence.ts";

test("the longest silence of any one partition counts, from the beginning of the window to its end", () => {
  const silence = new Silence(["a", "b"]);
  silence.hear("a", 0);
  silence.begin(100);
  for (const [partition, atMs] of [
    ["a", 110],
    ["b", 150],
    ["a", 300],
    ["a", 310],
  ] as const)
    silence.hear(partition, atMs);
  expect(silence.heard).toBe(4);
  expect(silence.longestMs(310)).toBe(190); // a, from 110 to 300
  expect(silence.longestMs(600)).toBe(450); // b is silent since 150
});

test("a partition that says nothing at all is silent since the window began, and what was before does not count", () => {
  const silence = new Silence(["a"]);
  silence.begin(0);
  silence.hear("a", 9_000);
  silence.begin(10_000);
  expect([silence.heard, silence.longestMs(10_400)]).toEqual([0, 400]);
});
