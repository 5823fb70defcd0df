import { expect, it } from "vitest";
import type { KafkaStatus } from "../kafka/cluster-status.ts";
import { healthOf, type MetaStatus } from "./cluster-health.ts";
import { statusText } from "./status-text.ts";

const up = { state: "up" as const, host: "localhost:9092", controller: false, leaders: 1, replicas: 3, outOfSync: 0 };
const whole: KafkaStatus = {
  clusterId: "c",
  controller: 1,
  brokers: [
    { broker: 1, ...up, controller: true },
    { broker: 2, ...up },
  ],
  partitions: { total: 3, underReplicated: 0, offline: 0 },
  groups: [{ group: "readers", lag: 12 }],
};
const meta: MetaStatus = { leader: 2, term: 7, revision: 40, up: 3, members: 3, shortOfDisk: [] };
const broken: KafkaStatus = {
  ...whole,
  brokers: [whole.brokers[0]!, { broker: 2, ...up, state: "DOWN", leaders: 0, outOfSync: 3 }],
  partitions: { total: 3, underReplicated: 3, offline: 0 },
};

it("calls a cluster healthy only when all is there", () => {
  expect(healthOf(whole, meta)).toBe("healthy");
  expect(healthOf(whole, null)).toBe("healthy");
  expect(healthOf(broken, meta)).toBe("degraded");
  expect(healthOf(whole, { ...meta, up: 2 })).toBe("degraded");
  expect(healthOf(whole, { ...meta, shortOfDisk: [3] })).toBe("degraded");
  expect(healthOf(whole, { ...meta, leader: null })).toBe("down");
  expect(healthOf({ ...whole, partitions: { total: 3, underReplicated: 0, offline: 1 } }, meta)).toBe("down");
});

it("says what is wrong and what to do about it", () => {
  const text = statusText({ health: "degraded", ...broken, meta });
  expect(text).toContain("DEGRADED   meta: leader 2 term 7 revision 40 (3/3)");
  expect(text).toContain("PROBLEMS under-replicated 3   broker 2 is down (npx odradek restart broker 2)");
  expect(text).toContain("GROUPS   readers lag 12");
  const low = statusText({ health: "degraded", ...whole, meta: { ...meta, shortOfDisk: [3] } });
  expect(low).toContain("PROBLEMS metadata 3 is short of disk space");
  expect(text).toMatch(/^1\* +up +localhost:9092 +1 +3 +0$/m);
});

it("says of a group that nobody answers for that its lag is unknown", () => {
  const text = statusText({ health: "down", ...broken, meta, groups: [{ group: "readers", lag: null }] });
  expect(text).toContain("GROUPS   readers lag unknown");
});
