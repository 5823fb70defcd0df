import { integerBelow, silentLogger } from "@odradek/kit";
import { SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { type ClusterImage, emptyImage, imageOf, nextImage, type PartitionImage } from "../cluster/image.ts";
import { TreeInSyncStore } from "../cluster/in-sync-store.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { Controller } from "./controller.ts";
import { createTopic } from "./create-topic.ts";

const BROKERS = [1, 2, 3, 4];
const PARTITIONS = 5;
const STEPS = 60;
const MINIMUM = 2;

type Life = TestCluster & { controller: Controller };

/** What must hold of every revision, whatever happened before. */
class Checker {
  readonly violations: string[] = [];
  /** Who led in which leader epoch: one broker per epoch, for ever. */
  readonly #leaders = new Map<string, number>();
  readonly #acting = new Map<string, string>();
  readonly #epochs = new Map<number, number>();
  /** The life of a broker in which it came into a partition's ISR. */
  readonly #joined = new Map<string, string>();
  /** Who holds what is committed, by partition; kept apart from what the partition's node says of it. */
  readonly #holders = new Map<number, Set<number>>();
  readonly #losses = new Map<number, number>();
  readonly #seen = new Map<number, Pick<PartitionImage, "version" | "leaderEpoch" | "isr">>();
  /** Leaders that came from outside the in-sync replicas, and leaders of whom nobody is sure. */
  readonly elections = { eligible: 0, unsure: 0 };

  /** Sees every revision once, in order. */
  check(image: ClusterImage): void {
    this.#lose(image);
    for (const partition of image.topics.get("words")?.partitions ?? []) {
      const why = this.#problemWith(partition) ?? this.#intruderIn(image, partition) ?? this.#usurperIn(partition);
      if (why) this.violations.push(`revision ${image.revision}: ${why} in ${JSON.stringify(partition)}`);
    }
  }

  /** P-22: a leader epoch is led by one life of one broker; who restarts does not go on where it was. */
  checkActing({ image, registration, brokerId }: Cluster): void {
    if (!registration) return;
    for (const { index, leader, leaderEpoch, modifiedRevision } of image.topics.get("words")?.partitions ?? []) {
      if (leader !== brokerId || modifiedRevision <= registration.revision) continue;
      const key = `${index} in epoch ${leaderEpoch}`;
      const known = this.#acting.get(key) ?? registration.incarnation;
      if (known !== registration.incarnation) this.violations.push(`broker ${brokerId} leads ${key} in two lives`);
      this.#acting.set(key, registration.incarnation);
    }
  }

  #problemWith({ index, leader, leaderEpoch, isr, replicas }: PartitionImage): string | null {
    if (isr.length === 0) return "nobody is in sync";
    if (!isr.every((id) => replicas.includes(id))) return "a stranger is in sync";
    if (leader !== -1 && !isr.includes(leader)) return "the leader is not in sync";
    if (leaderEpoch < (this.#epochs.get(index) ?? 0)) return "the leader epoch went back";
    this.#epochs.set(index, leaderEpoch);
    const key = `${index} in epoch ${leaderEpoch}`;
    const known = this.#leaders.get(key) ?? leader;
    this.#leaders.set(key, leader);
    return known === leader ? null : `two leaders, ${known} and ${leader}`;
  }

  #lose(image: ClusterImage): void {
    for (const { id, lostRevision } of image.known.values()) {
      if (lostRevision <= (this.#losses.get(id) ?? 0)) continue;
      this.#losses.set(id, lostRevision);
      for (const holders of this.#holders.values()) holders.delete(id);
    }
  }

  /** P-15: nobody leads who may lack what is committed, unless nobody is left who surely has it. */
  #usurperIn({ index, leader, leaderEpoch, isr, version }: PartitionImage): string | null {
    const seen = this.#seen.get(index);
    if (seen?.version === version) return null; // who restarted since is judged by what is written next
    this.#seen.set(index, { version, leaderEpoch, isr });
    const before = this.#holders.get(index);
    const isNew = before !== undefined && leader !== -1 && seen?.leaderEpoch !== leaderEpoch;
    const isUnsure = isNew && !before.has(leader);
    const isUsurper = isUnsure && before.size > 0;
    if (isUnsure) this.elections.unsure++;
    else if (isNew && seen?.isr.includes(leader) === false) this.elections.eligible++;
    // With the minimum in sync something may be committed without the others; below it nothing is.
    if (isr.length >= MINIMUM || before === undefined) this.#holders.set(index, new Set(isr));
    else for (const id of isr) before.add(id);
    return isUsurper ? `broker ${leader} leads and may lack what ${[...before].join(", ")} have` : null;
  }

  /** P-12, P-22: who restarts leaves the ISR before anything else is written about it, unless nobody else is left. */
  #intruderIn(image: ClusterImage, { index, isr, replicas, modifiedRevision }: PartitionImage): string | null {
    let intruder: string | null = null;
    for (const id of replicas) {
      const key = `${id} in ${index}`;
      const live = image.brokers.get(id);
      if (!isr.includes(id)) this.#joined.delete(key);
      else if (live && live.registeredRevision < modifiedRevision) {
        const joined = this.#joined.get(key) ?? live.incarnation;
        if (joined !== live.incarnation && isr.length > 1) intruder = `broker ${id} is in sync through a restart`;
        this.#joined.set(key, live.incarnation);
      }
    }
    return intruder;
  }
}

/** Shows every revision of the tree to the checker. */
async function observe(tree: MemoryTree, checker: Checker): Promise<void> {
  let image = emptyImage;
  for await (const event of tree.open().watch({ path: "/", recursive: true })) {
    if (event.is === "snapshot") image = imageOf(event.revision, event.nodes);
    if (event.is === "changes") image = nextImage(image, event);
    checker.check(image);
  }
}

/** A leader's wish to change its ISR, as replication makes it: any live replica may have caught up, any follower may lag. */
async function changeIsr(life: Life, random: SeededRandom): Promise<void> {
  const { cluster } = life;
  const index = integerBelow(random, PARTITIONS);
  const partition = cluster.image.topics.get("words")?.partitions[index];
  if (!partition || partition.leader !== cluster.brokerId || !cluster.registration) return;
  if (partition.modifiedRevision < cluster.registration.revision) return; // it does not lead by this node
  const other = partition.replicas.find((id) => id !== cluster.brokerId && random.next() < 0.6);
  if (other === undefined) return;
  const joins = !partition.isr.includes(other);
  const isr = joins ? [...partition.isr, other] : partition.isr.filter((id) => id !== other);
  const live = cluster.image.brokers.get(other);
  await new TreeInSyncStore(cluster).propose({
    topic: "words",
    partition: index,
    leaderEpoch: partition.leaderEpoch,
    version: partition.version,
    isr: [...isr],
    addedIncarnations: new Map(joins && live ? [[other, live.incarnation]] : []),
  });
}

async function run(seed: number): Promise<{ trace: string[]; elections: Checker["elections"] }> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const tree = new MemoryTree(clock);
  const checker = new Checker();
  void observe(tree, checker);
  const lives = new Map<number, Life>();
  const trace: string[] = [];
  let births = seed * 1000;

  const start = async (brokerId: number): Promise<void> => {
    const started = await startTestCluster({ tree, brokerId, clock, seed: ++births, mayHaveLost: random.next() < 0.4 });
    const slow = integerBelow(random, 100);
    const { session } = started;
    session().beforeMulti = () => new Promise((resolve) => clock.timer(integerBelow(random, slow + 1), resolve));
    started.cluster.onImage(() => checker.checkActing(started.cluster));
    lives.set(brokerId, {
      ...started,
      controller: new Controller({ cluster: started.cluster, clock, logger: silentLogger }),
    });
  };
  /** The process is gone; `atOnce`: the store knows already, else a restart may come before it does. */
  const kill = (brokerId: number, atOnce: boolean): void => {
    const life = lives.get(brokerId)!;
    lives.delete(brokerId);
    life.controller.close();
    life.cluster.failed.catch(() => {});
    if (atOnce) void life.cluster.close();
    else clock.timer(integerBelow(random, 400), () => void life.cluster.close());
  };

  for (const id of BROKERS) await start(id);
  const creator = lives.get(1)!.cluster;
  await passUntil(clock, () => creator.image.brokers.size === BROKERS.length);
  const configs = { "min.insync.replicas": `${MINIMUM}` };
  const created = await Promise.race([
    createTopic(creator, { name: "words", partitions: PARTITIONS, replicationFactor: 3, configs }),
    passUntil(clock, () => creator.image.topics.has("words")).then(() => ({ error: 0 })),
  ]);
  expect(created.error).toBe(0);

  for (let step = 0; step < STEPS; step++) {
    const id = BROKERS[integerBelow(random, BROKERS.length)]!;
    const life = lives.get(id);
    const chance = random.next();
    if (!life) await start(id);
    else if (chance < 0.2 && lives.size > 1) kill(id, random.next() < 0.5);
    else if (chance < 0.3) life.session().expire();
    for (const other of lives.values()) void changeIsr(other, random).catch(() => {}); // its session may end meanwhile
    await clock.advance(integerBelow(random, 60));
    trace.push(`${step} ${id} ${tree.revision}`);
  }

  for (const id of BROKERS) if (!lives.has(id)) await start(id);
  const settled = (): boolean => {
    const { image } = [...lives.values()][0]!.cluster;
    const { partitions } = image.topics.get("words")!;
    return image.revision === tree.revision && partitions.every(({ leader }) => image.brokers.has(leader));
  };
  await passUntil(clock, settled, 60_000);
  await clock.advance(2_000);
  expect(settled()).toBe(true);
  expect([...lives.values()].filter(({ controller }) => controller.isActive)).toHaveLength(1);
  expect(checker.violations).toEqual([]);
  for (const [id] of lives) kill(id, true);
  return { trace, elections: checker.elections };
}

test.each(Array.from({ length: 25 }, (_, index) => index + 1))(
  "P-19, P-22: kills, restarts, expiries and ISR changes in any order keep one leader per epoch and end with one everywhere (seed %i)",
  async (seed) => {
    await run(seed);
  },
);

test("P-15: among them are elections of eligible replicas and of the last leaders of whom nobody is sure", async () => {
  const runs = [await run(1), await run(2), await run(3), await run(4), await run(5)];
  expect(runs.some(({ elections }) => elections.eligible > 0)).toBe(true);
  expect(runs.some(({ elections }) => elections.unsure > 0)).toBe(true);
});

test("the same seed takes the same way twice", async () => {
  expect(await run(7)).toEqual(await run(7));
});
