import { expect, test } from "vitest";
import { quantile } from "./quantile.ts";

test("a quantile is the smallest value that so many do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
  expect([0, 0.5, 0.99, 1].map((part) => quantile(hundred, part))).toEqual([1, 50, 99, 100]);
  expect([0.5, 0.99].map((part) => quantile([4, 7, 9, 30], part))).toEqual([7, 30]);
  expect(quantile([], 0.5)).toBeNaN();
});
