import { test } from "vitest";
import { type ClusterMetadata, hasMoved, merged, routeOf, type TopicMetadata, withLeader } from "./metadata.ts";

const broker = (id: number) => ({ id, host: "h", port: 9000 + id, rack: null });

function metadata(topic: Partial<TopicMetadata>, leader = 1, leaderEpoch = 1): ClusterMetadata {
  const replicas = { replicas: [1, 2], inSyncReplicas: [1, 2], offlineReplicas: [] };
  const partitions = topic.errorCode ? [] : [{ partition: 0, leader, leaderEpoch, ...replicas }];
  const known = { name: "t", topicId: "A", isInternal: false, errorCode: 0, partitions, ...topic };
  return { clusterId: "c", controllerId: 1, brokers: new Map([[1, broker(1)]]), topics: new Map([["t", known]]) };
}

const routeIn = (now: ClusterMetadata | null) => routeOf(now?.topics.get("t"), 0);

test("a lagging broker takes neither a leader back nor a topic that has been replaced", ({ expect }) => {
  let now = merged(metadata({}, 2, 5), metadata({}, 1, 4), 0);
  expect(routeIn(now)).toEqual({ topicId: "A", leader: 2, leaderEpoch: 5 });
  now = merged(now, metadata({ topicId: "B" }, 1, 0), 0);
  expect(routeIn(now)).toEqual({ topicId: "B", leader: 1, leaderEpoch: 0 });
  now = merged(now, metadata({ topicId: "A" }, 2, 5), 0);
  expect(routeIn(now)?.topicId).toBe("B");
  now = merged(now, metadata({ topicId: "C" }), 0);
  expect(routeIn(now)?.topicId).toBe("C");
});

test("of two ids the older may be heard last: the right one counts again when a lagging broker would be given up", ({
  expect,
}) => {
  const said = (now: ClusterMetadata, topicId: string, atMs: number) => merged(now, metadata({ topicId }), atMs);
  let now = said(metadata({ topicId: "B" }), "A", 0);
  now = said(now, "B", 9_000);
  expect(routeIn(now)?.topicId).toBe("A");
  now = said(now, "B", 10_000);
  expect(routeIn(now)?.topicId).toBe("B");
  now = said(now, "A", 19_000);
  expect(routeIn(now)?.topicId).toBe("B");
});

test("a broker that says no ids does not say that the topic is another", ({ expect }) => {
  let now = merged(metadata({}, 2, 5), metadata({ topicId: null }, 1, 4), 0);
  expect(routeIn(now)).toEqual({ topicId: "A", leader: 2, leaderEpoch: 5 });
  now = merged(now, metadata({ topicId: null }, 1, 6), 0);
  expect(routeIn(now)).toEqual({ topicId: "A", leader: 1, leaderEpoch: 6 });
  now = merged(metadata({ topicId: null }, 2, 5), metadata({}, 1, 4), 0);
  expect(routeIn(now)).toEqual({ topicId: "A", leader: 2, leaderEpoch: 5 });
});

test("a topic that is gone for a while is the same one when it is back, or known to be another", ({ expect }) => {
  const gone = metadata({ topicId: null, errorCode: 3 });
  const away = merged(metadata({}), gone, 0);
  expect(routeIn(away)).toBeUndefined();
  expect(routeIn(merged(away, metadata({}), 0))?.topicId).toBe("A");
  const replaced = merged(away, metadata({ topicId: "B" }), 0);
  expect(routeIn(merged(replaced, metadata({ topicId: "A" }), 0))?.topicId).toBe("B");
});

test("KIP-951: a hint counts when its epoch is newer and the broker can be found", ({ expect }) => {
  const hint = { topic: "t", topicId: "A", partition: 0, leader: 2, leaderEpoch: 2, endpoints: [] };
  const endpoints = [{ nodeId: 2, host: "elsewhere", port: 1, rack: null }];
  expect(withLeader(metadata({}), hint)).toBeNull();
  expect(withLeader(metadata({}, 1, 2), { ...hint, endpoints })).toBeNull();
  expect(withLeader(metadata({}), { ...hint, endpoints, leader: -1 })).toBeNull();
  // Epochs of a topic created anew begin anew: one of the old topic would count for newer for long.
  expect(withLeader(metadata({ topicId: "B" }), { ...hint, endpoints })).toBeNull();
  const now = withLeader(metadata({}), { ...hint, endpoints });
  expect(routeIn(now)).toEqual({ topicId: "A", leader: 2, leaderEpoch: 2 });
  expect(now?.brokers.get(2)).toMatchObject({ host: "elsewhere" });
});

test("a way has moved when a newer leader is known, or the topic is another, not when nobody leads", ({ expect }) => {
  const before = { topicId: "A", leader: 1, leaderEpoch: 1 };
  const moved = (change: object) => hasMoved({ ...before, ...change }, before);
  expect([hasMoved(null, before), hasMoved(before, null)]).toEqual([false, true]);
  expect([moved({}), moved({ leaderEpoch: 2 }), moved({ topicId: "B" }), moved({ leader: 2 })]).toEqual([
    ...[false, true, true, false],
  ]);
  // Brokers before 2.1 say no epochs.
  expect(hasMoved({ ...before, leader: 2, leaderEpoch: -1 }, { ...before, leaderEpoch: -1 })).toBe(true);
});
