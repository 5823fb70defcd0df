import { assert, delay, type Logger, type RpcServer, silentLogger } from "@odradek/kit";
import { MortalClock, MemoryFiles, MemoryNetwork, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { batchesIn, buildBatch, readBatch } from "@odradek/protocol";

import { type BrokerImage, type ClusterImage, emptyImage, type PartitionImage } from "../cluster/image.ts";
import { isMoving, replicationFactorOf } from "../cluster/moves.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { brokerConfigFrom, resolveTopicConfig, type TopicConfig } from "../config.ts";
import { begun, cancelled, completed } from "../controller/reassign.ts";
import { Directories } from "../log/directories.ts";
import type { Appended, AppendOptions } from "../partition/answers.ts";
import type { Assignment, InSyncChange, Peer } from "../partition/assignment.ts";
import type { Partition } from "../partition/partition.ts";
import { Replicas } from "../replica/replicas.ts";
import { serveReplication } from "../server/replication-server.ts";
import { slowSyncs, type SyncDelay } from "./slow-syncs.ts";

type Life = { clock: MortalClock; replicas: Replicas; server: RpcServer; incarnation: string; registeredAt: number };
type Node = PartitionNode & { version: number; writtenAt: number };
type Producer = { id: number; epoch: number; baseSequence: number };

const TOPIC = "words";
const TOPIC_ID = Buffer.alloc(16, 7).toString("base64url");

/**
 * A story about one partition on several brokers, under virtual time: real replicas and real streams, on memory disks and a memory
 * network; the test is the controller. Brokers see each change of the partition at once unless they are kept in the dark.
 */
export class ReplicatedTopic {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock, { latencyMs: 1 });
  readonly files = new Map<number, MemoryFiles>();
  /** Every broker's data directories. */
  directories = ["/data"];
  readonly lives = new Map<number, Life>();
  /** Brokers that do not get new pictures. */
  readonly inTheDark = new Set<number>();
  /** Every change of the in-sync replicas that leaders asked for. */
  readonly proposals: number[][] = [];
  /** What the tree answers to them; "normal" checks version and epoch. */
  inSyncAnswers: "normal" | "rejected" | "never" = "normal";
  /** How long a change of the in-sync replicas takes to the tree, and its answer back. */
  proposalMs: () => number = () => 1;
  shuttingDown = new Set<number>();
  /** Bytes a second for throttled replicas, and which ones are throttled. */
  throttledRate: (broker: number, side: "leader" | "follower") => number = () => Infinity;
  topicSettings: Record<string, string> = {};
  /** How long a broker's disk takes to sync, and when in that time the bytes are safe; null: no time. */
  nextSync: (() => SyncDelay) | null = null;
  readonly #minInsyncReplicas: number;
  readonly #settings: Record<string, string>;
  /** What differs from the default configuration of a topic. */
  topicConfig: Partial<TopicConfig> = {};
  readonly #logger: Logger;
  #diskSeed = 0;
  #node: Node;
  /** As whom each in-sync replica was counted in. */
  readonly #members = new Map<number, string>();
  #revision = 1;

  private constructor(options: { replicas: number[]; min: number; settings: Record<string, string>; logger: Logger }) {
    this.#minInsyncReplicas = options.min;
    this.#settings = options.settings;
    this.#logger = options.logger;
    const { replicas } = options;
    this.#node = { replicas, leader: -1, leaderEpoch: 0, isr: [...replicas], version: 0, writtenAt: 0 };
  }

  /** Brokers 1, 2, 3 unless said otherwise, all in sync, and spare ones without a replica; the first one leading in epoch 1. */
  static async start(
    options: {
      brokers?: number[];
      spare?: number[];
      min?: number;
      settings?: Record<string, string>;
      topicConfig?: Partial<TopicConfig>;
      nextSync?: ReplicatedTopic["nextSync"];
      diskSeed?: number;
      directories?: string[];
      logger?: Logger;
    } = {},
  ): Promise<ReplicatedTopic> {
    const { brokers = [1, 2, 3], spare = [], min = 1, settings = {}, logger = silentLogger } = options;
    const topic = new ReplicatedTopic({ replicas: brokers, min, settings, logger });
    topic.topicConfig = options.topicConfig ?? {};
    topic.nextSync = options.nextSync ?? null;
    topic.#diskSeed = options.diskSeed ?? 0;
    topic.directories = options.directories ?? topic.directories;
    for (const id of [...brokers, ...spare]) await topic.boot(id);
    topic.elect(brokers[0]!);
    await topic.until(() => brokers.every((id) => topic.partitionOrNull(id) !== null));
    return topic;
  }

  get node(): Readonly<Node> {
    return this.#node;
  }

  /** Starts a broker, or starts it again on what its disk has; it registers anew. */
  async boot(id: number): Promise<void> {
    const disk = this.files.get(id) ?? new MemoryFiles(this.#diskSeed + id);
    this.files.set(id, disk);
    const clock = new MortalClock(this.clock);
    const files = this.nextSync === null ? disk : slowSyncs(disk, clock, this.nextSync);
    const random = new SeededRandom(id);
    const logger = this.#logger.child({ broker: id });
    const rpc = this.network.rpc(`b${id}`);
    const config = brokerConfigFrom(new Map(Object.entries({ "node.id": `${id}`, ...this.#settings })));
    const opening = Directories.open({
      directories: this.directories,
      files,
      clock,
      random,
      logger,
      clusterId: "c",
      nodeId: id,
      recoveriesAtOnce: 2,
      flush: config.log.flush,
    });
    const logs = await this.#passing(opening);
    const inSyncStore = { propose: (change: InSyncChange) => this.#propose(change) };
    const replicas = new Replicas({ brokerId: id, logs, rpc, clock, files, logger, inSyncStore, config });
    const server = rpc.server();
    serveReplication(server, {
      brokerId: id,
      clock,
      logger,
      partitionById: (topicId, index) => replicas.partitionById(topicId, index),
      throttledRate: (broker, side) => this.throttledRate(broker, side),
    });
    await server.listen(`b${id}:9`);
    this.#revision++;
    this.lives.set(id, {
      clock,
      replicas,
      server,
      incarnation: `${id}@${this.#revision}`,
      registeredAt: this.#revision,
    });
    this.publish();
  }

  /** kill -9: its page cache survives, its streams break. */
  kill(id: number): void {
    this.#die(id);
    this.files.get(id)!.kill();
  }

  /** All brokers end at once; boot them again. */
  killAll(): void {
    for (const id of this.lives.keys()) this.kill(id);
  }

  /** The machine is gone, with what its disk had not stored. */
  losePower(id: number): void {
    this.#die(id);
    this.files.get(id)!.crash();
  }

  /** The power of all machines fails in the same moment. */
  loseAllPower(): void {
    for (const id of this.lives.keys()) this.losePower(id);
  }

  /** An orderly end. */
  async stop(id: number): Promise<void> {
    const life = this.#life(id);
    await this.#passing(life.replicas.close());
    await life.server.close();
    this.#die(id);
  }

  /** The controller makes a broker the leader, in a new epoch. `isr` stays as it is unless given. */
  elect(leader: number, isr: number[] = this.#node.isr): void {
    this.#write({ leader, leaderEpoch: this.#node.leaderEpoch + 1, isr });
  }

  /** A snapshot of the tree is restored: leader, epoch and in-sync replicas of some time ago. */
  restore(was: { leader: number; leaderEpoch: number; isr: number[] }): void {
    this.#write(was);
  }

  /** The controller changes the in-sync replicas. */
  setIsr(isr: number[]): void {
    this.#write({ isr });
  }

  /**
   * What a controller does about deaths and restarts (DESIGN D5): who died or came back as somebody else leaves the in-sync replicas, the
   * last one stays; where the leader is gone, the first live in-sync replica leads in a new epoch.
   */
  control(): void {
    const { leader, isr } = this.#node;
    const isSame = (id: number): boolean => this.lives.get(id)?.incarnation === this.#members.get(id);
    const same = isr.filter(isSame);
    const staying = same.length > 0 ? same : isr.slice(0, 1);
    if (leader >= 0 && staying.includes(leader) && isSame(leader)) {
      if (staying.length < isr.length) return this.setIsr(staying);
      const arrived = completed(this.#image(), this.#asImage(), this.#minInsyncReplicas);
      return arrived ? this.#replace(arrived) : undefined;
    }
    const next = staying.find((id) => this.lives.has(id)) ?? -1;
    if (next !== leader || staying.length < isr.length || next >= 0) this.elect(next, staying);
  }

  /** Somebody begins to move the partition, or cancels that with null. */
  move(replicas: number[] | null): void {
    const now = this.#asImage();
    const node = replicas === null ? cancelled(this.#image(), now) : begun(this.#image(), now, replicas);
    if (node !== null && node !== "leaderless") this.#replace(node);
  }

  get isMoving(): boolean {
    return isMoving(this.#asImage());
  }

  /** Everyone who is not in the dark sees what is so now. */
  publish(): void {
    this.#revision++;
    for (const [id, life] of this.lives) if (!this.inTheDark.has(id)) life.replicas.apply(this.#picture(life));
  }

  partitionOrNull(id: number): Partition | null {
    return this.lives.get(id)?.replicas.partition(TOPIC, 0) ?? null;
  }

  partition(id: number): Partition {
    const partition = this.partitionOrNull(id);
    assert(partition, `broker ${id} has the partition`);
    return partition;
  }

  append(
    id: number,
    values: string[],
    options: Partial<AppendOptions> & { producer?: Producer } = {},
  ): Promise<Appended> {
    const { producer, ...rest } = options;
    const records = values.map((value) => ({ key: null, value: Buffer.from(value) }));
    const draft = { records, timestamp: this.clock.wallMs() };
    const batch = buildBatch(producer ? { ...draft, producer } : draft);
    return this.partition(id).append(batch, { acks: -1, timeoutMs: 30_000, origin: "client", ...rest });
  }

  /** Appends and lets time pass until it is answered. */
  appended(...args: Parameters<ReplicatedTopic["append"]>): Promise<Appended> {
    return this.#passing(this.append(...args));
  }

  /** All values in the log of a broker, committed or not. */
  values(id: number): string[] {
    const { log } = this.partition(id).replica;
    const read = log.read(log.start, { bytesMax: 1024 * 1024, upTo: log.end, oneBatchAtLeast: true });
    if (read === null) return [];
    const values = [...batchesIn(read.records)].flatMap((batch) => readBatch(batch).map(({ value }) => String(value)));
    read.release();
    return values;
  }

  /** What a consumer gets from this broker. */
  consumed(id: number): string[] {
    const read = this.partition(id).read({
      offset: this.partition(id).start,
      bytesMax: 1024 * 1024,
      oneBatchAtLeast: true,
      leaderEpoch: -1,
      lastFetchedEpoch: -1,
      isolation: "uncommitted",
    });
    const values = read.records
      ? [...batchesIn(read.records)].flatMap((batch) => readBatch(batch).map(({ value }) => String(value)))
      : [];
    read.release();
    return values;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Lets time pass until something holds; at most `withinMs` of virtual time. */
  async until(holds: () => boolean, withinMs = 5000): Promise<void> {
    const untilMs = this.clock.now() + withinMs;
    while (!holds()) {
      if (this.clock.now() >= untilMs) throw new Error(`not so within ${withinMs} ms: ${String(holds)}`);
      await this.clock.advance(1);
    }
  }

  #die(id: number): void {
    this.#life(id).clock.die();
    this.network.crash(`b${id}`);
    this.lives.delete(id);
    this.publish();
  }

  #idOf(life: Life): number {
    return [...this.lives].find(([, each]) => each === life)![0];
  }

  #life(id: number): Life {
    const life = this.lives.get(id);
    assert(life, `broker ${id} is alive`);
    return life;
  }

  #write(change: Partial<Node>): void {
    this.#revision++;
    this.#node = { ...this.#node, ...change, version: this.#node.version + 1, writtenAt: this.#revision };
    for (const id of change.isr ?? [])
      this.#members.set(id, this.lives.get(id)?.incarnation ?? this.#members.get(id) ?? "");
    this.publish();
  }

  /** The live brokers, but for those in sync who have come back as somebody else: they are to be fenced first. */
  #image(): ClusterImage {
    const brokers = new Map<number, BrokerImage>();
    const rest = {
      endpoints: [],
      rack: null,
      shuttingDown: false,
      sinceMs: 0,
      version: 1,
      registeredRevision: 0,
      lostRevision: 0,
    };
    for (const [id, { incarnation }] of this.lives)
      if (!this.#node.isr.includes(id) || this.#members.get(id) === incarnation)
        brokers.set(id, { id, grpcAddress: `b${id}:9`, incarnation, ...rest });
    return { ...emptyImage, brokers };
  }

  #asImage(): PartitionImage {
    return { index: 0, ...this.#node, modifiedRevision: this.#node.writtenAt };
  }

  /** A whole new node: what is not in it is gone. */
  #replace(node: PartitionNode): void {
    const { version, writtenAt } = this.#node;
    this.#node = { ...node, version, writtenAt };
    this.#write({});
  }

  #picture(life: Life): { brokers: Map<number, Peer>; assignments: Assignment[]; revision: number } {
    const brokers = new Map<number, Peer>();
    for (const [id, { incarnation }] of this.lives)
      brokers.set(id, { id, grpcAddress: `b${id}:9`, incarnation, shuttingDown: this.shuttingDown.has(id) });
    const config = resolveTopicConfig({ topic: this.topicSettings, broker: {}, brokers: {}, static: new Map() });
    const { replicas, leader, leaderEpoch, isr, version, writtenAt } = this.#node;
    const min = Math.min(this.#minInsyncReplicas, replicationFactorOf(this.#asImage()));
    const assignment = {
      topic: TOPIC,
      topicId: TOPIC_ID,
      partition: 0,
      replicas,
      leader,
      leaderEpoch,
      isr,
      hasEligible: false,
      version,
      leadsSinceRegistration: writtenAt > life.registeredAt,
      config: { ...config, minInsyncReplicas: min, ...this.topicConfig },
    };
    const isHere = replicas.includes(this.#idOf(life)) && !(leader < 0 && leaderEpoch === 0);
    return { brokers, assignments: isHere ? [assignment] : [], revision: this.#revision };
  }

  async #propose(change: InSyncChange): Promise<"accepted" | "rejected"> {
    this.proposals.push(change.isr);
    if (this.inSyncAnswers === "never") return new Promise(() => {});
    await delay(this.clock, this.proposalMs());
    const outcome = this.#decide(change);
    await delay(this.clock, this.proposalMs());
    return outcome;
  }

  #decide(change: InSyncChange): "accepted" | "rejected" {
    if (this.inSyncAnswers === "rejected") return "rejected";
    if (change.version !== this.#node.version || change.leaderEpoch !== this.#node.leaderEpoch) return "rejected";
    for (const [id, incarnation] of change.addedIncarnations)
      if (this.lives.get(id)?.incarnation !== incarnation) return "rejected";
    for (const id of change.isr) {
      const life = this.lives.get(id);
      if (life && !change.addedIncarnations.has(id) && life.incarnation !== this.#members.get(id)) return "rejected";
    }
    this.#write({ isr: change.isr, ...change.leadership });
    return "accepted";
  }

  /** Lets time pass while a promise is under way. */
  async #passing<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settle = (): void => void (isSettled = true);
    promise.then(settle, settle);
    await this.until(() => isSettled, 60_000);
    return promise;
  }
}
