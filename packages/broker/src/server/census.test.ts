import { expect, it } from "vitest";
import { Census } from "./census.ts";

it("N-08: bounds connections in all and per address", () => {
  const census = new Census({ connectionsMax: 3, connectionsPerAddressMax: 2 });
  expect(census.enter("a")).toBe(true);
  expect(census.enter("a")).toBe(true);
  expect(census.enter("a")).toBe(false);
  expect(census.enter("b")).toBe(true);
  expect(census.enter("c")).toBe(false);
  census.leave("a");
  expect(census.enter("a")).toBe(true);
  expect(census.count).toBe(3);
});
