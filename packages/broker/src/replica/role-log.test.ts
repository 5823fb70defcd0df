import { type Logger, silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { expect, test } from "vitest";
import { RoleLog } from "./role-log.ts";

test("one line tells of all partitions that changed roles within a second", async () => {
  const clock = new VirtualClock();
  const told: object[] = [];
  const logger: Logger = { ...silentLogger, info: (fields) => void told.push(fields) };
  const roles = new RoleLog({ clock, logger });
  for (let each = 0; each < 1000; each++) roles.changed({ is: "follower", leader: 2, leaderEpoch: 1 });
  for (let each = 0; each < 10; each++) roles.changed({ is: "leader", leaderEpoch: 1 });
  expect(told).toEqual([]);
  await clock.advance(1000);
  roles.changed({ is: "leader", leaderEpoch: 2 });
  roles.close();
  await clock.advance(5000);
  expect(told).toEqual([
    { evt: "roles", leader: 10, follower: 1000, offline: 0 },
    { evt: "roles", leader: 1, follower: 0, offline: 0 },
  ]);
});
