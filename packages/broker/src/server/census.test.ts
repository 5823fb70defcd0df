import { type Logger, silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { Census } from "./census.ts";
import { serverLimits } from "./limits.ts";
import { Refusals } from "./refusals.ts";

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

it("N-08: tells of a flood that is turned away, and does not flood the log", async () => {
  const clock = new VirtualClock();
  const told: object[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void told.push(fields) };
  const refusals = new Refusals({ clock, logger });
  for (let second = 0; second < 30; second++) {
    for (let each = 0; each < 100; each++) refusals.refused("a", 3);
    await clock.advance(1000);
  }
  expect(told).toHaveLength(30_000 / serverLimits.refusalsToldEveryMs);
  expect(told[0]).toMatchObject({ count: 1, connections: 3, remoteAddress: "a" });
  expect(told[1]).toMatchObject({ count: 1000 });
});
