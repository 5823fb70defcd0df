import { expect, test } from "vitest";
import type { ClusterStatus } from "./cluster-health.ts";
import { changesOf } from "./status-changes.ts";

const broker = (id: number, leaders: number): ClusterStatus["brokers"][number] => ({
  ...{ broker: id, state: "up", host: `localhost:${9091 + id}`, controller: id === 1 },
  ...{ leaders, replicas: 6, outOfSync: 0 },
});
const healthy: ClusterStatus = {
  ...{ health: "healthy", clusterId: "c", controller: 1, groups: [{ group: "g", lag: 7 }] },
  brokers: [broker(1, 3), broker(2, 3)],
  partitions: { total: 6, underReplicated: 0, offline: 0 },
  meta: { leader: 2, term: 4, revision: 90, up: 3, members: 3, shortOfDisk: [] },
};

test("the first look tells how things stand", () => {
  expect(changesOf(null, healthy)).toEqual([
    "healthy: 2 of 2 brokers up, controller 1, metadata leader 2 (3 of 3 up), 6 partitions, under-replicated 0, offline 0",
  ]);
});

test("what always moves is no change: revisions and lags", () => {
  const later = { ...healthy, meta: { ...healthy.meta!, revision: 91 }, groups: [{ group: "g", lag: 0 }] };
  expect(changesOf(healthy, later)).toEqual([]);
});

test("a death shows in all it does: leaders, controller, replicas, the metadata leader", () => {
  const later: ClusterStatus = {
    ...healthy,
    ...{ health: "degraded", controller: 2 },
    brokers: [{ ...broker(1, 0), state: "DOWN", outOfSync: 6 }, broker(2, 6)],
    partitions: { total: 6, underReplicated: 6, offline: 0 },
    meta: { leader: 3, term: 5, revision: 99, up: 2, members: 3, shortOfDisk: [] },
  };
  expect(changesOf(healthy, later)).toEqual([
    "the cluster is degraded, before healthy",
    "controller 2, before 1",
    "metadata leader 3 term 5, before 2 term 4",
    "metadata nodes up (of 3) 2, before 3",
    "under-replicated 6, before 0",
    "broker 1 DOWN, before up",
    "broker 1 leads 0, before 3",
    "broker 1 out of sync 6, before 0",
    "broker 2 leads 6, before 3",
  ]);
});

test("brokers come and go", () => {
  const grown = { ...healthy, brokers: [...healthy.brokers, broker(3, 0)] };
  expect(changesOf(healthy, grown)).toEqual(["broker 3 up, new"]);
  expect(changesOf(grown, healthy)).toEqual(["broker 3 is not known any more"]);
});
