import { silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PartitionImage } from "../cluster/image.ts";
import { TreeInSyncStore } from "../cluster/in-sync-store.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { Controller } from "./controller.ts";
import { createTopic } from "./create-topic.ts";
import { OfflineReplicas } from "./offline-replicas.ts";

type Life = TestCluster & { controller: Controller; offline: OfflineReplicas; dead: Set<number> };

let clock: VirtualClock;
let tree: MemoryTree;
let lives: Life[];

/** A broker that can't serve the partitions of "words" that are in `dead`. */
async function start(brokerId: number, seed = brokerId, failed: number[] = []): Promise<Life> {
  const dead = new Set(failed);
  const settings = { "leader.imbalance.check.interval.seconds": "1" };
  const hasOffline = (): boolean => dead.size > 0;
  const started = await startTestCluster({ tree, brokerId, clock, seed, settings, hasOffline });
  const parts = { cluster: started.cluster, clock, logger: silentLogger };
  const life: Life = {
    ...started,
    controller: new Controller(parts),
    offline: new OfflineReplicas({ ...parts, isOffline: (_, partition) => dead.has(partition) }),
    dead,
  };
  lives.push(life);
  return life;
}

async function end(life: Life): Promise<void> {
  life.controller.close();
  life.offline.close();
  await life.cluster.close();
}

function fail(life: Life, partition: number): void {
  life.dead.add(partition);
  life.offline.changed();
}

const nodesIn = (life: Life): readonly PartitionImage[] => life.cluster.image.topics.get("words")?.partitions ?? [];

beforeEach(() => {
  clock = new VirtualClock();
  tree = new MemoryTree(clock);
  lives = [];
});

afterEach(async () => {
  for (const life of lives) await end(life);
});

test("L-12: a replica whose disk has failed leaves leadership and in-sync replicas, and stays away until it is back", async () => {
  const [one, two] = [await start(1), await start(2), await start(3)];
  await createTopic(one.cluster, { name: "words", partitions: 3, replicationFactor: 3, configs: {} });
  const leads = nodesIn(two).findIndex(({ leader }) => leader === 1);
  const follows = nodesIn(two).findIndex(({ leader }) => leader !== 1);
  const before = nodesIn(two);
  fail(one, leads);
  fail(one, follows);
  await passUntil(clock, () => nodesIn(two).filter(({ offline }) => offline?.includes(1)).length === 2);
  // Preferred leaders are looked for every second.
  await clock.advance(5000);
  for (const [index, { leader, leaderEpoch, isr, offline }] of nodesIn(two).entries()) {
    const was = before[index]!;
    if (index !== leads && index !== follows) expect({ leader, isr, offline }).toMatchObject({ leader: was.leader });
    else expect([leader === 1, isr.includes(1), offline]).toEqual([false, false, [1]]);
    expect(leaderEpoch).toBe(was.leaderEpoch + (index === leads ? 1 : 0));
  }
  one.dead.clear();
  one.offline.changed();
  await passUntil(clock, () => nodesIn(two).every(({ offline }) => offline === undefined));
});

test("L-12: nobody leads what only the failed replica had; a restart alone changes nothing, the disk's return does", async () => {
  const [one, two] = [await start(1), await start(2)];
  await createTopic(one.cluster, { name: "words", partitions: 1, replicationFactor: 2, configs: {} });
  const { leader } = nodesIn(two)[0]!;
  const [holder, other] = leader === 1 ? [one, two] : [two, one];
  const { version, leaderEpoch } = nodesIn(other)[0]!;
  const store = new TreeInSyncStore(holder.cluster);
  const shrink = { topic: "words", partition: 0, leaderEpoch, version, isr: [leader], addedIncarnations: new Map() };
  expect(await store.propose(shrink)).toBe("accepted");
  fail(holder, 0);
  await passUntil(clock, () => nodesIn(other)[0]!.leader === -1);
  expect(nodesIn(other)[0]).toMatchObject({ isr: [leader], offline: [leader] });
  await end(holder);
  lives = lives.filter((life) => life !== holder);
  const again = await start(leader, 50, [0]);
  await clock.advance(5000);
  expect(nodesIn(other)[0]).toMatchObject({ leader: -1, isr: [leader], offline: [leader] });
  again.dead.clear();
  again.offline.changed();
  await passUntil(clock, () => nodesIn(other)[0]!.leader === leader);
  expect(nodesIn(other)[0]!.offline).toBeUndefined();
});

test("L-12: who comes back first without its replica, and is elected before it has told, drops nobody who is in sync", async () => {
  const [one, two] = [await start(1), await start(2)];
  await createTopic(one.cluster, { name: "words", partitions: 1, replicationFactor: 2, configs: {} });
  const controller = await start(3);
  for (const life of [one, two]) await end(life);
  lives = [controller];
  await passUntil(clock, () => nodesIn(controller)[0]!.leader === -1);
  expect(new Set(nodesIn(controller)[0]!.isr)).toEqual(new Set([1, 2]));
  await start(1, 50, [0]);
  await passUntil(clock, () => nodesIn(controller)[0]!.offline?.includes(1) === true);
  expect(nodesIn(controller)[0]).toMatchObject({ leader: -1, isr: [2] });
  await start(2, 51);
  await passUntil(clock, () => nodesIn(controller)[0]!.leader === 2);
});
