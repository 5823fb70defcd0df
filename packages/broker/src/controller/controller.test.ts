import { silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { ErrorCode } from "@odradek/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PartitionImage } from "../cluster/image.ts";
import { TreeInSyncStore } from "../cluster/in-sync-store.ts";
import { encode, paths } from "../cluster/nodes.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { Controller } from "./controller.ts";
import { createTopic } from "./create-topic.ts";
import { reassignPartitions } from "./reassign-partitions.ts";

type Life = TestCluster & { controller: Controller };

let clock: VirtualClock;
let tree: MemoryTree;
let lives: Life[];

/** A broker with its controller; `seed` tells two lives of one number apart. */
async function start(brokerId: number, seed = brokerId): Promise<Life> {
  const started = await startTestCluster({ tree, brokerId, clock, seed });
  const controller = new Controller({ cluster: started.cluster, clock, logger: silentLogger });
  const life = { ...started, controller };
  lives.push(life);
  return life;
}

/** kill -9: the process does nothing more, and the store has noticed. */
function kill(life: Life): void {
  life.controller.close();
  void life.cluster.close();
}

const partitionsOf = (life: Life, topic = "words"): readonly PartitionImage[] =>
  life.cluster.image.topics.get(topic)?.partitions ?? [];

async function words(life: Life, options: { partitions: number; replicationFactor: number }): Promise<void> {
  const created = await createTopic(life.cluster, { name: "words", ...options, configs: {} });
  expect(created.error).toBe(0);
}

beforeEach(() => {
  clock = new VirtualClock();
  tree = new MemoryTree(clock);
  lives = [];
});

afterEach(async () => {
  for (const life of lives) life.controller.close();
  await Promise.all(lives.map((life) => life.cluster.close()));
});

describe("controller", () => {
  test("exactly one broker is the controller, and another follows when it dies", async () => {
    const [one, two, three] = [await start(1), await start(2), await start(3)];
    await passUntil(clock, () => lives.some(({ controller }) => controller.isActive));
    expect(lives.filter(({ controller }) => controller.isActive)).toHaveLength(1);
    const epoch = two.cluster.image.controllerEpoch.epoch;
    kill(one);
    await passUntil(clock, () => [two, three].some(({ controller }) => controller.isActive));
    expect(two.cluster.image.controllerEpoch.epoch).toBe(epoch + 1);
  });

  test("a dead leader's partitions go to the first live in-sync replica under a new leader epoch, and it leaves every ISR", async () => {
    const [one, two] = [await start(1), await start(2), await start(3)];
    await words(one, { partitions: 6, replicationFactor: 3 });
    const before = partitionsOf(two);
    kill(one);
    await passUntil(clock, () => partitionsOf(two).every(({ isr }) => !isr.includes(1)));
    for (const [index, { leader, leaderEpoch, replicas, isr }] of partitionsOf(two).entries()) {
      const old = before[index]!;
      expect(replicas).toEqual(old.replicas);
      expect(isr).toEqual(old.isr.filter((id) => id !== 1));
      expect(leader).toBe(old.leader === 1 ? replicas.find((id) => id !== 1) : old.leader);
      expect(leaderEpoch).toBe(old.leader === 1 ? old.leaderEpoch + 1 : old.leaderEpoch);
    }
  });

  test("the last member stays in the ISR, and leads again under a new epoch when it is back", async () => {
    const [one, two] = [await start(1), await start(2)];
    await words(two, { partitions: 1, replicationFactor: 1 });
    const owner = partitionsOf(two)[0]!.leader;
    const [dying, watching] = owner === 1 ? [one, two] : [two, one];
    kill(dying);
    await passUntil(clock, () => partitionsOf(watching)[0]!.leader === -1);
    expect(partitionsOf(watching)[0]!.isr).toEqual([owner]);
    expect(partitionsOf(watching)[0]!.leaderEpoch).toBe(1);
    await start(owner, 77);
    await passUntil(clock, () => partitionsOf(watching)[0]!.leader === owner);
    expect(partitionsOf(watching)[0]!.leaderEpoch).toBe(2);
  });

  test("P-22, C-06: a broker that restarts before its session expires is fenced first, then elected anew", async () => {
    const one = await start(1);
    const two = await start(2);
    await words(one, { partitions: 4, replicationFactor: 2 });
    const before = partitionsOf(two);
    one.controller.close(); // the process is gone, its session lives on in the store
    const again = await start(1, 99);
    await passUntil(clock, () => partitionsOf(two).every(({ isr }) => !isr.includes(1)));
    for (const [index, { leader, leaderEpoch }] of partitionsOf(two).entries()) {
      expect(leader).toBe(2);
      expect(leaderEpoch).toBe(before[index]!.leaderEpoch + (before[index]!.leader === 1 ? 1 : 0));
    }
    one.session().expire(); // the old session's end must not take the new registration with it
    await passUntil(clock, () => again.cluster.image.revision === tree.revision);
    expect(again.cluster.image.brokers.has(1)).toBe(true);
  });

  test("P-22: a restarted broker is fenced even when its partition was written again in between", async () => {
    const one = await start(1);
    const two = await start(2);
    await start(3);
    await words(one, { partitions: 1, replicationFactor: 3 });
    lives.forEach(({ controller }) => controller.close());
    await passUntil(clock, () => partitionsOf(two).length === 1);
    const follower = [1, 2, 3].find((id) => id !== partitionsOf(two)[0]!.leader)!;
    const leaderLife = lives[partitionsOf(two)[0]!.leader - 1]!;
    // The leader's picture is older than the follower's new registration when it writes the ISR.
    const { version, leaderEpoch, isr } = partitionsOf(leaderLife)[0]!;
    leaderLife.session().beforeMulti = async () => {
      leaderLife.session().beforeMulti = () => Promise.resolve();
      await startTestCluster({ tree, brokerId: follower, clock, seed: 55 });
    };
    const gone = isr.find((id) => id !== follower && id !== leaderLife.cluster.brokerId)!;
    const answer = await new TreeInSyncStore(leaderLife.cluster).propose({
      topic: "words",
      partition: 0,
      leaderEpoch,
      version,
      isr: isr.filter((id) => id !== gone),
      addedIncarnations: new Map(),
    });
    expect(answer).toBe("rejected");
  });

  test("P-19: of two who believe to be the controller, the older one writes nothing", async () => {
    const [one, two, three] = [await start(1), await start(2), await start(3)];
    await passUntil(clock, () => lives.some(({ controller }) => controller.isActive));
    await words(two, { partitions: 3, replicationFactor: 3 });
    const old = lives.find(({ controller }) => controller.isActive)!;
    const others = lives.filter((life) => life !== old);
    // While the old controller's first transaction is on its way, its place is taken.
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    old.session().beforeMulti = () => held;
    const victim = others[0]!;
    kill(victim);
    await passUntil(clock, () => old.cluster.image.brokers.size === 2);
    const taker = others[1]!;
    const { controllerEpoch } = taker.cluster.image;
    await taker.session().multi([
      { is: "set", path: paths.controllerEpoch, data: encode({ epoch: 9 }), version: controllerEpoch.version },
      {
        is: "set",
        path: paths.controller,
        data: encode({ broker: taker.cluster.brokerId, incarnation: taker.cluster.registration!.incarnation }),
        version: taker.cluster.image.controller!.version,
        ephemeral: true,
      },
    ]);
    const untouched = partitionsOf(taker).map(({ version }) => version);
    release();
    await clock.advance(5_000);
    expect(old.controller.isActive).toBe(false);
    expect(partitionsOf(taker).map(({ version }) => version)).toEqual(untouched);
    expect([one, two, three].filter(({ controller }) => controller.isActive)).toEqual([]);
  });

  test("a stopping broker hands its leaderships over before it goes, and is not elected again", async () => {
    const [one, two] = [await start(1), await start(2)];
    await words(one, { partitions: 8, replicationFactor: 2 });
    expect(partitionsOf(two).some(({ leader }) => leader === 1)).toBe(true);
    const stopped = one.cluster.beginShutdown({ timeoutMs: 5_000 });
    await passUntil(clock, () => partitionsOf(one).every(({ leader, isr }) => leader === 2 && !isr.includes(1)), 1_000);
    await stopped;
    expect(one.cluster.image.brokers.get(1)?.shuttingDown).toBe(true);
  });

  test("leadership returns to the preferred replica once it is in sync again", async () => {
    const [one, two] = [await start(1), await start(2)];
    await words(one, { partitions: 2, replicationFactor: 2 });
    kill(one);
    await passUntil(clock, () => partitionsOf(two).every(({ leader }) => leader === 2));
    await start(1, 42);
    const { replicas, leaderEpoch } = partitionsOf(two)[0]!;
    await two
      .session()
      .set(paths.partition("words", 0), encode({ replicas, leader: 2, leaderEpoch, isr: [1, 2] }), "any");
    await passUntil(clock, () => partitionsOf(two)[0]!.leader === replicas[0], 400_000);
    expect(partitionsOf(two)[1]!.leader).toBe(2);
  });

  test("P-20: a move ends when the new replicas are in sync: the old ones go, and one of the new ones leads", async () => {
    const [one, two] = [await start(1), await start(2), await start(3)];
    await passUntil(clock, () => one.cluster.image.brokers.size === 3);
    const assignments = [[1, 2]];
    await createTopic(one.cluster, { name: "words", partitions: -1, replicationFactor: -1, assignments, configs: {} });
    const moving = reassignPartitions(two.cluster, [{ topic: "words", partition: 0, replicas: [3, 2] }], {
      mayChangeFactor: true,
    });
    expect(await moving).toEqual([{ error: 0, message: "" }]);
    await clock.advance(10_000);
    expect(partitionsOf(two)[0]).toMatchObject({
      replicas: [3, 2, 1],
      adding: [3],
      removing: [1],
      leader: 1,
      isr: [1, 2],
    });
    // The leader finds that broker 3 has caught up; what a move needs to be known stays in the node.
    const { version, leaderEpoch } = partitionsOf(one)[0]!;
    const joined = await new TreeInSyncStore(one.cluster).propose({
      topic: "words",
      partition: 0,
      leaderEpoch,
      version,
      isr: [1, 2, 3],
      addedIncarnations: new Map([[3, one.cluster.image.brokers.get(3)!.incarnation]]),
    });
    expect(joined).toBe("accepted");
    await passUntil(clock, () => partitionsOf(two)[0]!.replicas.length === 2);
    expect(partitionsOf(two)[0]).toMatchObject({ replicas: [3, 2], leader: 3, leaderEpoch: 1 });
    expect(new Set(partitionsOf(two)[0]!.isr)).toEqual(new Set([2, 3]));
    expect(partitionsOf(two)[0]).not.toHaveProperty("adding");
    const again = reassignPartitions(two.cluster, [{ topic: "words", partition: 0, replicas: null }], {
      mayChangeFactor: true,
    });
    expect(await again).toMatchObject([{ error: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS }]);
  });

  test("P-20: a move survives the death of the controller, of its old leader, and of a broker that it does not concern", async () => {
    const [one, two] = [await start(1), await start(2), await start(3), await start(4)];
    await passUntil(clock, () => two.cluster.image.brokers.size === 4);
    const assignments = [[1, 2]];
    await createTopic(two.cluster, { name: "words", partitions: -1, replicationFactor: -1, assignments, configs: {} });
    await reassignPartitions(two.cluster, [{ topic: "words", partition: 0, replicas: [3, 2] }], {
      mayChangeFactor: true,
    });
    kill(one);
    await passUntil(clock, () => partitionsOf(two)[0]!.leader === 2);
    expect(partitionsOf(two)[0]).toMatchObject({ replicas: [3, 2, 1], adding: [3], removing: [1], isr: [2] });
    const { version, leaderEpoch } = partitionsOf(two)[0]!;
    const addedIncarnations = new Map([[3, two.cluster.image.brokers.get(3)!.incarnation]]);
    const change = { topic: "words", partition: 0, leaderEpoch, version, isr: [2, 3], addedIncarnations };
    expect(await new TreeInSyncStore(two.cluster).propose(change)).toBe("accepted");
    await passUntil(clock, () => partitionsOf(two)[0]!.replicas.length === 2);
    expect(partitionsOf(two)[0]).toMatchObject({ replicas: [3, 2], leader: 2, isr: [2, 3] });
  });

  test("a topic too large for one transaction is whole even when a broker restarts while it is created", async () => {
    const [one, two] = [await start(1), await start(2), await start(3)];
    await passUntil(clock, () => one.cluster.image.brokers.size === 3);
    let transactions = 0;
    one.session().beforeMulti = async (operations) => {
      if (operations.some(({ path }) => path === paths.partition("words", 600))) transactions++;
      if (transactions === 1) await start(3, 33);
    };
    await words(one, { partitions: 1200, replicationFactor: 3 });
    expect(transactions).toBeGreaterThan(1);
    expect(partitionsOf(one)).toHaveLength(1200);
    await passUntil(clock, () => partitionsOf(two).length === 1200);
    expect(partitionsOf(two).every(({ replicas, leader }) => replicas.length === 3 && leader > 0)).toBe(true);
  });

  test("a whole cluster of partitions is moved in transactions within their bounds", async () => {
    const [one, two] = [await start(1), await start(2), await start(3)];
    await words(one, { partitions: 1500, replicationFactor: 3 });
    expect(partitionsOf(one)).toHaveLength(1500);
    kill(one);
    await passUntil(clock, () => partitionsOf(two).every(({ isr, leader }) => !isr.includes(1) && leader > 1));
  });
});
