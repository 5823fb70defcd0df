import { History as ClientHistory } from "@odradek/client/history";
import type { Random } from "@odradek/kit";
import { describe, EventLoop, must, type SimResult, Violation } from "@odradek/kit/simulation";
import { SeededRandom } from "@odradek/kit/testing";
import { ServiceNode, SimDisk } from "@odradek/metadata/testing";

import { streamLimits } from "../../replica/stream-limits.ts";
import { BrokerDisk } from "./broker-disk.ts";
import { ClusterFaults } from "./cluster-faults.ts";
import { type ClusterPlan, drawClusterPlan } from "./cluster-plan.ts";
import { History } from "./history.ts";
import { Links } from "./links.ts";
import { Mover } from "./mover.ts";
import { ReplicaChecks } from "./replica-checks.ts";
import { foundedMs } from "./schedule.ts";
import { SimBroker } from "./sim-broker.ts";
import type { SimClient } from "./sim-client.ts";
import { SimConsumer } from "./sim-consumer.ts";
import { SimProducer } from "./sim-producer.ts";
import { stampOf } from "./stamp.ts";
import { Survivors } from "./survivors.ts";
import { TopicMaker } from "./topic-maker.ts";
import { TopicTurner } from "./topic-turner.ts";
import { TreeView } from "./tree-checks.ts";

const topic = "words";
const livenessMs = 30_000;
const eventsMax = 3_000_000;

/** One seed: a whole cluster with its clients on simulated time, disks and links, harmed for a while, then left alone until it is well again. */
export async function simulateCluster(seed: number, only: ReadonlySet<number> | null = null): Promise<SimResult> {
  const world = new ClusterWorld(seed, only);
  const uncaught = (error: unknown): void => world.fail(error);
  process.on("unhandledRejection", uncaught);
  try {
    return await world.run();
  } finally {
    process.off("unhandledRejection", uncaught);
    Object.assign(streamLimits, usualStreamLimits);
  }
}

const usualStreamLimits = { ...streamLimits };

class ClusterWorld {
  readonly #seed: number;
  readonly #random: Random;
  readonly #plan: ClusterPlan;
  readonly #loop = new EventLoop();
  readonly #links: Links;
  readonly #members: ServiceNode[];
  readonly #brokers: SimBroker[];
  readonly #tree: TreeView;
  readonly #histories: History[];
  readonly #checks: ReplicaChecks[];
  readonly #faults: ClusterFaults;
  readonly #seen = new ClientHistory();
  readonly #producers: SimProducer[] = [];
  readonly #consumers: SimConsumer[] = [];
  #mover: Mover | null = null;
  #turner: TopicTurner | null = null;
  #failure: unknown = null;
  #trace = 0x811c9dc5;
  #committed = 0;
  /** Up to where each partition was held by enough replicas when it was committed: a move that is given up may leave fewer. */
  readonly #held: number[] = [];

  constructor(seed: number, only: ReadonlySet<number> | null) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    this.#random = random;
    const plan = drawClusterPlan(random);
    this.#plan = plan;
    Object.assign(streamLimits, plan.streams);
    this.#links = new Links(this.#loop, () => 0.05 - Math.log(1 - random.next()) * plan.delayMsMean);
    this.#members = this.#makeMembers();
    this.#brokers = this.#makeBrokers();
    this.#tree = new TreeView(this.#members, topic);
    this.#histories = Array.from({ length: plan.partitions }, (_, index) => this.#makeHistory(index));
    this.#checks = this.#histories.map((history, index) => new ReplicaChecks(topic, index, history));
    this.#faults = new ClusterFaults({
      loop: this.#loop,
      links: this.#links,
      brokers: this.#brokers,
      members: this.#members,
      tree: this.#tree,
      names: () => [...this.#brokers, ...this.#clients].map(({ name }) => name),
      schedule: plan.schedule.filter((_injection, at) => only === null || only.has(at)),
      quickRestarts: plan.quickRestarts,
      isDurable: plan.isDurable,
      minInSync: plan.minInSync,
      died: (broker, how) => this.#died(broker, how),
      forgot: (broker) => this.#checks.forEach((checks) => checks.forgotten(broker)),
    });
    for (const member of this.#members) member.start();
    this.#loop.at(500, () => {
      for (const broker of this.#brokers) if (broker.life === null) broker.start();
    });
    this.#loop.at(600, () => this.#startClients());
  }

  fail(error: unknown): void {
    this.#failure ??= error;
  }

  async run(): Promise<SimResult> {
    const { safetyMs, schedule } = this.#plan;
    try {
      await this.#loop.run(foundedMs, () => this.#look());
      if (!this.#failure) must(this.#acknowledged() > 0, `nothing is acknowledged after ${foundedMs} ms of peace`);
      await this.#loop.run(safetyMs, () => this.#look());
      if (!this.#failure) await this.#heal();
    } catch (error) {
      this.fail(error);
    }
    for (const broker of this.#brokers) if (broker.life !== null) broker.kill();
    for (const member of this.#members) if (member.up) member.crash();
    for (const client of this.#clients) client.clock.kill();
    const failure = this.#failure;
    return {
      seed: this.#seed,
      failure: failure === null ? null : describe(failure),
      trace: this.#trace.toString(16),
      events: this.#loop.events,
      acknowledged: this.#histories.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      simulatedMs: this.#loop.nowMs,
      faults: schedule.length,
    };
  }

  /** After harm has stopped, all replicas are in sync, every client is served, everything is read, and all logs are the same. */
  async #heal(): Promise<void> {
    this.#faults.stop();
    this.#mover?.rest();
    await this.#recover();
    if (this.#plan.diskStaysDead) await this.#loseDisk();
    if (this.#failure) return;
    for (const client of [...this.#producers, ...this.#consumers]) client.rest();
    const isQuiet = (): boolean => this.#producers.every(({ isIdle }) => isIdle) && this.#hasConverged();
    await this.#loop.run(this.#loop.nowMs + livenessMs, () => this.#look() || isQuiet());
    if (this.#failure) return;
    must(isQuiet(), `logs, or readers, differ: ${this.#describe()}`);
    for (const consumer of this.#consumers) consumer.judge();
    this.#judge();
  }

  /** Every producer is served, and all replicas get in sync if they can. */
  async #recover({ inSync } = { inSync: true }): Promise<void> {
    if (this.#failure) return;
    const before = this.#producers.map(({ acknowledged }) => acknowledged);
    const isServed = (): boolean => this.#producers.every((one, at) => one.acknowledged > before[at]! + 2);
    const livesBefore = this.#turner?.lives ?? 0;
    const hasTurned = (): boolean => this.#turner === null || this.#turner.lives > livesBefore;
    const isWell = (): boolean => isServed() && hasTurned() && (!inSync || this.#isInSync());
    await this.#loop.run(this.#loop.nowMs + livenessMs, () => this.#look() || isWell());
    if (this.#failure) return;
    must(hasTurned(), `no topic is created and deleted any more: ${this.#turner?.heard}`);
    must(isServed(), `not every producer is served: ${this.#describe()}`);
    must(isWell(), `not all replicas are in sync: ${this.#describe()}`);
  }

  /** While one disk stays dead, every producer is served, and every partition on it by its other replicas (L-12). */
  async #loseDisk(): Promise<void> {
    if (this.#failure) return;
    const { broker, partitions } = this.#faults.killDisk(this.#random);
    await this.#recover({ inSync: false });
    await this.#until("others lead what was on the dead disk", () =>
      partitions.every((index) => this.#tree.partitions[index]!.leader !== broker),
    );
    const ends = partitions.map((index) => this.#histories[index]!.end);
    await this.#until("others serve what was on the dead disk", () =>
      partitions.every((index, at) => this.#histories[index]!.end > ends[at]!),
    );
    this.#faults.stop();
    await this.#recover();
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    if (this.#failure) return;
    await this.#loop.run(this.#loop.nowMs + livenessMs, () => this.#look() || isSo());
    if (!this.#failure) must(isSo(), `not within ${livenessMs} ms: ${what}: ${this.#describe()}`);
  }

  /** What clients saw shows none of Jepsen's anomalies. */
  #judge(): void {
    for (const [index, { name }] of this.#histories.entries()) {
      const leader = this.#brokers.find(({ id }) => id === this.#tree.partitions[index]!.leader)!;
      const { start, records } = this.#checks[index]!.records(leader);
      const log = records.map(({ offset, value }) => ({ offset, value: stampOf(value).told }));
      this.#seen.log(name, log, { start });
    }
    // Retention or compaction may take a record before anybody has read it.
    const isReadToEnd = this.#plan.settings["log.retention.ms"] === undefined && this.#plan.compaction === null;
    const { anomalies } = this.#seen.judge({ isReadToEnd });
    const [first] = anomalies;
    must(first === undefined, `${first?.name} ${first?.count} times: ${JSON.stringify(first?.witnesses[0])}`);
  }

  #isInSync(): boolean {
    const { partitions } = this.#tree;
    return (
      partitions.length === this.#plan.partitions &&
      partitions.every(({ isr, replicas, leader }) => leader >= 0 && isr.length === replicas.length) &&
      (this.#mover === null || this.#mover.isThere(partitions))
    );
  }

  #hasConverged(): boolean {
    const isSame = this.#checks.every((checks, index) => {
      const { replicas } = this.#tree.partitions[index]!;
      return checks.convergedOn(this.#brokers.filter(({ id }) => replicas.includes(id)));
    });
    return isSame && this.#consumers.every(({ hasAll }) => hasAll);
  }

  #makeHistory(index: number): History {
    const { compaction } = this.#plan;
    return new History(`${topic}-${index}`, compaction && new Survivors(compaction, () => this.#loop.nowMs));
  }

  #makeMembers(): ServiceNode[] {
    const members = new Map(this.#plan.members.map((id) => [id, `m${id}:2181`]));
    const [loop, random] = [this.#loop, this.#random];
    return this.#plan.members.map((id) => {
      const disk = new SimDisk(random, 0.5 + random.next());
      const network = this.#links.calls;
      return new ServiceNode({
        id,
        members,
        loop,
        network,
        disk,
        random,
        limits: {},
        failed: (error) => this.fail(error),
      });
    });
  }

  #makeBrokers(): SimBroker[] {
    const { brokers, members, syncMs, minInSync, directories } = this.#plan;
    const [loop, random, links] = [this.#loop, this.#random, this.#links];
    const settings = {
      ...this.#plan.settings,
      "odradek.metadata.connect": members.map((id) => `${id}=m${id}:2181`).join(),
      "min.insync.replicas": `${minInSync}`,
    };
    return brokers.map((id) => {
      const disk = new BrokerDisk(random, { syncMs: syncMs.get(id)!, directories });
      return new SimBroker({
        ...{ id, loop, links, disk, random, settings: { ...settings, ...this.#rackSettings(id) } },
        failed: (error) => this.fail(error),
        ending: (broker) => this.#died(broker, { lossy: false }),
        ended: (broker) => this.#faults.restart(broker, random),
      });
    });
  }

  get #clients(): SimClient[] {
    const others = [this.#mover, this.#turner].filter((client) => client !== null);
    return [...this.#producers, ...this.#consumers, ...others];
  }

  #rackOf(id: number): string {
    return this.#plan.hasRacks ? `r${id}` : "";
  }

  #rackSettings(id: number): Record<string, string> {
    if (!this.#plan.hasRacks) return {};
    const selector = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
    return { "broker.rack": this.#rackOf(id), "replica.selector.class": selector };
  }

  #startClients(): void {
    const { brokers, partitions, replicas, requestTimeoutMs, plainProducers, idempotentProducers } = this.#plan;
    const [loop, random, links, histories] = [this.#loop, this.#random, this.#links, this.#histories];
    const failed = (error: unknown): void => this.fail(error);
    const seen = this.#seen;
    const shared = { loop, links, random, brokers, topic, histories, seen, requestTimeoutMs, failed };
    new TopicMaker({ ...shared, name: "a1", partitions, replicas });
    const { everyMs, batchRecordsMax, valueBytesMax, fetchBytesMax, compaction } = this.#plan;
    const sent = { ...shared, acks: -1 as const, everyMs, batchRecordsMax, valueBytesMax, keys: compaction?.keys ?? 0 };
    const rereadMs = compaction?.rereadMs ?? null;
    const { movesEveryMs, minInSync } = this.#plan;
    if (movesEveryMs !== null) {
      this.#mover = new Mover({ ...shared, name: "v1", replicasMin: Math.max(2, minInSync), everyMs: movesEveryMs });
      this.#turner = new TopicTurner({ ...shared, name: "t1", topic: "phrases", replicas });
    }
    for (let at = 1; at <= plainProducers; at++)
      this.#producers.push(new SimProducer({ ...sent, acks: this.#plan.acks, name: `p${at}`, isIdempotent: false }));
    for (let at = 1; at <= idempotentProducers; at++)
      this.#producers.push(new SimProducer({ ...sent, name: `i${at}`, isIdempotent: true }));
    for (let partition = 0; partition < partitions; partition++)
      this.#consumers.push(
        new SimConsumer({
          ...shared,
          name: `c${partition}`,
          partition,
          fetchBytesMax,
          rereadMs,
          rackId: this.#rackOf(1 + partition),
        }),
      );
  }

  #acknowledged(): number {
    return this.#producers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** Where all that counts is synced, a loss of power takes nothing that counted. */
  #died(broker: SimBroker, { lossy }: { lossy: boolean }): void {
    for (const checks of this.#checks) checks.died(broker, { lossy: lossy && !this.#plan.isDurable });
  }

  /** After every event. True ends the run. */
  #look(): boolean {
    try {
      for (const checks of this.#checks) for (const broker of this.#brokers) checks.look(broker);
      const committed = this.#histories.reduce((sum, { end }) => sum + end, 0);
      if (this.#tree.look() || committed > this.#committed) this.#checkInSync();
      this.#committed = committed;
    } catch (error) {
      this.fail(error);
    }
    this.#note(Math.floor(this.#loop.nowMs * 1000));
    this.#note(this.#committed * 31 + this.#acknowledged());
    if (this.#loop.events > eventsMax) this.fail(new Violation("a storm: messages answer messages without end"));
    return this.#failure !== null;
  }

  /** Whoever may be elected has all that was committed, and enough have it (ReplicationQuorumSuperset; P-08 … P-12). */
  #checkInSync(): void {
    for (const [index, { isr, replicas }] of this.#tree.partitions.entries()) {
      const { end } = this.#histories[index]!;
      let holders = 0;
      for (const broker of this.#brokers) {
        if (!replicas.includes(broker.id)) this.#checks[index]!.left(broker);
        const has = this.#checks[index]!.endOf(broker);
        if (replicas.includes(broker.id) && (has === null || has >= end)) holders++;
        if (!isr.includes(broker.id) || this.#faults.isHarmed(broker)) continue;
        must(
          has === null || has >= end,
          `${broker.name} is in sync in ${topic}-${index} and has ${has} of ${end} committed records`,
        );
      }
      const { minInSync } = this.#plan;
      must(
        end === this.#held[index] || holders >= minInSync,
        `${topic}-${index} is committed up to ${end}, which ${holders} of ${minInSync} have`,
      );
      this.#held[index] = end;
    }
  }

  #note(value: number): void {
    this.#trace = Math.imul(this.#trace ^ (value >>> 0), 0x01000193) >>> 0;
  }

  #describe(): string {
    const partitions = this.#tree.partitions.map(({ leader, leaderEpoch, isr }, index) => {
      const ends = this.#brokers.map((broker) => `${broker.name} ${this.#checks[index]!.endOf(broker)}`);
      return `${topic}-${index} led by ${leader} in ${leaderEpoch}, in sync ${isr.join()}, committed ${this.#histories[index]!.end}, ends ${ends.join()}`;
    });
    const brokers = this.#brokers.map(
      ({ name, life }) => `${name} ${life === null ? "down" : life.broker === null ? "starting" : "up"}`,
    );
    return [...partitions, ...brokers].join("; ");
  }
}
