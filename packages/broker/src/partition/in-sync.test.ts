import { expect, test } from "vitest";

import { resolveTopicConfig } from "../config.ts";
import type { Assignment, Peer } from "./assignment.ts";
import { InSync } from "./in-sync.ts";

const lagTimeMsMax = 10_000;

function assignment(change: Partial<Assignment> & { min?: number } = {}): Assignment {
  const config = resolveTopicConfig({ topic: {}, broker: {}, brokers: {}, static: new Map() });
  return {
    topic: "t",
    topicId: "id",
    partition: 0,
    replicas: [1, 2, 3],
    leader: 1,
    leaderEpoch: 5,
    isr: [1, 2, 3],
    hasEligible: false,
    version: 1,
    leadsSinceRegistration: true,
    ...change,
    config: { ...config, minInsyncReplicas: change.min ?? 1 },
  };
}

const peer = (id: number, change: Partial<Peer> = {}): [number, Peer] => [
  id,
  { id, grpcAddress: "", incarnation: `${id}`, shuttingDown: false, ...change },
];
const peers = new Map([peer(1), peer(2), peer(3)]);
const led = (change?: Parameters<typeof assignment>[0]): InSync =>
  new InSync({ self: 1, lagTimeMsMax, assignment: assignment(change), nowMs: 0 });
const attach = (inSync: InSync, id: number, end: number, ownEnd: number, nowMs = 0): void =>
  inSync.attached(id, { incarnation: `${id}`, end }, { ownEnd, nowMs });

test("the high watermark is the least end of the in-sync replicas, and waits for those not attached yet", () => {
  const inSync = led();
  attach(inSync, 2, 7, 10);
  expect(inSync.highWatermark({ ownEnd: 10, high: 3, nowMs: 0 })).toBe(3);
  attach(inSync, 3, 5, 10);
  expect(inSync.highWatermark({ ownEnd: 10, high: 3, nowMs: 0 })).toBe(5);
  inSync.acknowledged(3, 10, { ownEnd: 10, nowMs: 0 });
  expect(inSync.highWatermark({ ownEnd: 10, high: 5, nowMs: 0 })).toBe(7);
});

test("P-08: the high watermark stands still while there are fewer in-sync replicas than the minimum", () => {
  const inSync = led({ isr: [1], min: 2 });
  expect(inSync.isBelowMinimum).toBe(true);
  expect(inSync.highWatermark({ ownEnd: 10, high: 3, nowMs: 60_000 })).toBe(3);
  expect(led({ replicas: [1], isr: [1], min: 2 }).isBelowMinimum).toBe(false);
});

test("P-15: the high watermark stands still as long as a replica outside is counted as eligible, also when the minimum was lowered", () => {
  const inSync = led({ isr: [1], min: 1, hasEligible: true });
  expect(inSync.isBelowMinimum).toBe(true);
  expect(inSync.highWatermark({ ownEnd: 10, high: 3, nowMs: 60_000 })).toBe(3);
  inSync.update(assignment({ isr: [1], min: 1, version: 2 }), 60_000);
  expect(inSync.highWatermark({ ownEnd: 10, high: 3, nowMs: 60_000 })).toBe(10);
});

test("P-09: while an expansion is in flight the new replica counts too", () => {
  const inSync = led({ isr: [1, 2] });
  attach(inSync, 2, 10, 10);
  attach(inSync, 3, 6, 10);
  const change = inSync.wanted({ ownEnd: 10, high: 6, epochStart: 0, nowMs: 0, peers });
  expect(change).toMatchObject({ isr: [1, 2, 3], version: 1, addedIncarnations: new Map([[3, "3"]]) });
  inSync.proposed(change!);
  inSync.detached(3, { ownEnd: 10, nowMs: 0 });
  expect(inSync.highWatermark({ ownEnd: 10, high: 6, nowMs: 0 })).toBe(6);
  inSync.decided(change!, "unknown");
  inSync.decided(change!, "rejected");
  expect(inSync.maximal).toEqual([1, 2, 3]);
  inSync.update(assignment({ isr: [1, 2], version: 2 }), 0);
  expect(inSync.highWatermark({ ownEnd: 10, high: 6, nowMs: 0 })).toBe(10);
});

test("P-09: while a removal is in flight the replica still counts", () => {
  const inSync = led();
  attach(inSync, 2, 10, 10);
  const change = inSync.wanted({ ownEnd: 10, high: 0, epochStart: 0, nowMs: 10_001, peers });
  expect(change).toMatchObject({ isr: [1, 2] });
  inSync.proposed(change!);
  inSync.decided(change!, "accepted");
  expect(inSync.highWatermark({ ownEnd: 10, high: 0, nowMs: 10_001 })).toBe(0);
  inSync.update(assignment({ isr: [1, 2], version: 2 }), 10_002);
  expect(inSync.highWatermark({ ownEnd: 10, high: 0, nowMs: 10_002 })).toBe(10);
});

test("a rejected change counts no longer and may be proposed again", () => {
  const inSync = led({ isr: [1, 2] });
  attach(inSync, 2, 10, 10);
  attach(inSync, 3, 10, 10);
  const change = inSync.wanted({ ownEnd: 10, high: 10, epochStart: 0, nowMs: 0, peers })!;
  inSync.proposed(change);
  expect(inSync.wanted({ ownEnd: 10, high: 10, epochStart: 0, nowMs: 0, peers })).toBeNull();
  inSync.decided(change, "rejected");
  expect(inSync.maximal).toEqual([1, 2]);
  expect(inSync.wanted({ ownEnd: 10, high: 10, epochStart: 0, nowMs: 0, peers })).toEqual(change);
});

test("P-10: nobody joins below the high watermark or below the start of the leader's epoch", () => {
  const inSync = led({ isr: [1] });
  attach(inSync, 2, 8, 20);
  expect(inSync.wanted({ ownEnd: 20, high: 9, epochStart: 0, nowMs: 0, peers })).toBeNull();
  expect(inSync.wanted({ ownEnd: 20, high: 8, epochStart: 9, nowMs: 0, peers })).toBeNull();
  expect(inSync.wanted({ ownEnd: 20, high: 8, epochStart: 8, nowMs: 0, peers })).toMatchObject({ isr: [1, 2] });
});

test("P-11, P-12: what a follower had before its stream ended counts for nothing", () => {
  const inSync = led({ isr: [1] });
  attach(inSync, 2, 20, 20);
  inSync.detached(2, { ownEnd: 20, nowMs: 0 });
  expect(inSync.wanted({ ownEnd: 20, high: 20, epochStart: 0, nowMs: 0, peers })).toBeNull();
  attach(inSync, 2, 3, 20);
  expect(inSync.wanted({ ownEnd: 20, high: 20, epochStart: 0, nowMs: 0, peers })).toBeNull();
});

test("P-12, P-13: a replica joins only as the broker that is registered now and is not shutting down", () => {
  const inSync = led({ isr: [1] });
  attach(inSync, 2, 20, 20);
  const view = { ownEnd: 20, high: 20, epochStart: 0, nowMs: 0 };
  expect(inSync.wanted({ ...view, peers: new Map([peer(2, { incarnation: "new" })]) })).toBeNull();
  expect(inSync.wanted({ ...view, peers: new Map([peer(2, { shuttingDown: true })]) })).toBeNull();
  expect(inSync.wanted({ ...view, peers: new Map() })).toBeNull();
  expect(inSync.wanted({ ...view, peers })).not.toBeNull();
});

test("a follower leaves when it has not been caught up for the lag time, not before", () => {
  const inSync = led({ isr: [1, 2], replicas: [1, 2] });
  attach(inSync, 2, 0, 0);
  const view = { high: 0, epochStart: 0, peers };
  inSync.ownEndMoved(0, 5000);
  inSync.acknowledged(2, 1, { ownEnd: 10, nowMs: 6000 });
  expect(inSync.wanted({ ...view, ownEnd: 20, nowMs: 15_000 })).toBeNull();
  expect(inSync.wanted({ ...view, ownEnd: 20, nowMs: 15_001 })).toMatchObject({ isr: [1] });
  inSync.acknowledged(2, 10, { ownEnd: 20, nowMs: 15_001 });
  expect(inSync.wanted({ ...view, ownEnd: 30, nowMs: 15_999 })).toBeNull();
  expect(inSync.wanted({ ...view, ownEnd: 30, nowMs: 16_001 })).toMatchObject({ isr: [1] });
});

test("an idle follower that has everything stays, however long nothing was written", () => {
  const inSync = led({ isr: [1, 2], replicas: [1, 2] });
  attach(inSync, 2, 10, 10);
  expect(inSync.wanted({ ownEnd: 10, high: 10, epochStart: 0, nowMs: 3_600_000, peers })).toBeNull();
  inSync.ownEndMoved(10, 3_600_000);
  expect(inSync.wanted({ ownEnd: 11, high: 10, epochStart: 0, nowMs: 3_600_001, peers })).toBeNull();
});

test("an idle follower whose stream ends has the lag time to come back", () => {
  const inSync = led({ isr: [1, 2], replicas: [1, 2] });
  attach(inSync, 2, 10, 10);
  inSync.detached(2, { ownEnd: 10, nowMs: 3_600_000 });
  const view = { ownEnd: 10, high: 10, epochStart: 0, peers };
  expect(inSync.wanted({ ...view, nowMs: 3_610_000 })).toBeNull();
  expect(inSync.wanted({ ...view, nowMs: 3_610_001 })).toMatchObject({ isr: [1] });
});

test("a caught-up follower about to join holds the high watermark, so that it can join under load", () => {
  const inSync = led({ isr: [1], replicas: [1, 2] });
  attach(inSync, 2, 10, 10);
  expect(inSync.highWatermark({ ownEnd: 15, high: 10, nowMs: 100 })).toBe(10);
  inSync.detached(2, { ownEnd: 15, nowMs: 100 });
  expect(inSync.highWatermark({ ownEnd: 15, high: 10, nowMs: 100 })).toBe(15);
});

test("a follower far behind does not hold the high watermark", () => {
  const inSync = led({ isr: [1], replicas: [1, 2] });
  attach(inSync, 2, 3, 10);
  expect(inSync.highWatermark({ ownEnd: 15, high: 10, nowMs: 100 })).toBe(15);
});

test("a follower that was in sync, left and comes back far behind does not hold the high watermark", () => {
  const inSync = led({ isr: [1, 2], replicas: [1, 2] });
  attach(inSync, 2, 10, 10);
  inSync.detached(2, { ownEnd: 10, nowMs: 0 });
  inSync.update(assignment({ isr: [1], replicas: [1, 2], version: 2 }), 1);
  attach(inSync, 2, 3, 20, 2);
  expect(inSync.highWatermark({ ownEnd: 20, high: 15, nowMs: 3 })).toBe(20);
});
