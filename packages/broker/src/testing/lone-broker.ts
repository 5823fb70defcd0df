import { assert, silentLogger } from "@odradek/kit";
import { MemoryFiles, MemoryNetwork, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { buildBatch, ErrorCode, readBatch, batchesIn } from "@odradek/protocol";
import { ByteBudget } from "../api/byte-budget.ts";
import { FetchSessions } from "../api/fetch-sessions.ts";
import type { Parts, RequestScope } from "../api/handler.ts";
import { Pictures } from "../cluster/assignments.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { TreeInSyncStore } from "../cluster/in-sync-store.ts";
import { encode, paths } from "../cluster/nodes.ts";
import { brokerConfigFrom } from "../config.ts";
import { deleteTopic } from "../controller/change-topic.ts";
import { createTopic } from "../controller/create-topic.ts";
import { GroupCoordinator } from "../coordinator/group/coordinator.ts";
import { Directories } from "../log/directories.ts";
import type { Partition } from "../partition/partition.ts";
import { Replicas } from "../replica/replicas.ts";
import { MemoryTree } from "./memory-session.ts";
import { passUntil, startTestCluster } from "./test-cluster.ts";

const settings = {
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "2",
  "group.initial.rebalance.delay.ms": "0",
  "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
};

/** Broker 1 without its network: real cluster, replicas and coordinator on a tree and a disk in memory, under virtual time. */
export class LoneBroker {
  readonly clock = new VirtualClock();
  readonly tree = new MemoryTree(this.clock);
  readonly files: MemoryFiles;
  readonly parts: Parts;
  /** Buffers that responses embedded and that have been let go. */
  released = 0;
  /** Set: responses do not leave, for their clients do not read; call these to let them go. */
  held: (() => void)[] | null = null;
  readonly #cluster: Cluster;

  private constructor(
    parts: Omit<Parts, "clock">,
    { clock, tree, files }: { clock: VirtualClock; tree: MemoryTree; files: MemoryFiles },
  ) {
    this.clock = clock;
    this.tree = tree;
    this.files = files;
    this.parts = { ...parts, clock };
    this.#cluster = parts.cluster;
  }

  static async start(): Promise<LoneBroker> {
    const clock = new VirtualClock();
    const tree = new MemoryTree(clock);
    const { cluster } = await passing(clock, startTestCluster({ tree, brokerId: 1, clock, settings }));
    const config = brokerConfigFrom(new Map([["node.id", "1"], ...Object.entries(settings)]));
    const random = new SeededRandom(3);
    const logger = silentLogger;
    const files = new MemoryFiles(1);
    const kept = { directories: ["/data"], files, clock, random, logger, clusterId: "c", nodeId: 1 };
    const logs = await passing(clock, Directories.open({ ...kept, ...config.log }));
    const rpc = new MemoryNetwork(clock).rpc("b1");
    const inSyncStore = new TreeInSyncStore(cluster);
    const replicas = new Replicas({ brokerId: 1, logs, rpc, clock, files, logger, inSyncStore, config });
    const groups = new GroupCoordinator({ cluster, replicas, config, clock, random, logger });
    const fetching = new ByteBudget({ bytesMax: 4000, bytesLeast: 1000 });
    const sessions = new FetchSessions({ slotsMax: 2, clock, random });
    const pictures = new Pictures(cluster);
    cluster.onImage((image, previous) => {
      replicas.apply(pictures.newest());
      groups.follow(image, previous);
    });
    const parts = { brokerId: 1, cluster, replicas, groups, fetching, sessions, config, random, logger };
    return new LoneBroker(parts, { clock, tree, files });
  }

  /** Creates a topic that this broker leads, and waits until its partitions are open. */
  async topic(name: string, partitions = 1, configs: Record<string, string> = {}): Promise<void> {
    const spec = { name, partitions, replicationFactor: 1, configs };
    const { error } = await this.passing(createTopic(this.#cluster, spec));
    assert(error === ErrorCode.NONE, `the topic is created, not ${error}`);
    const { id } = this.#cluster.image.topics.get(name)!;
    const isOpen = (index: number): boolean => this.parts.replicas.partitionById(id, index)?.role.is === "leader";
    await passUntil(this.clock, () => Array.from({ length: partitions }, (_, index) => index).every(isOpen));
  }

  /** Deletes the topic and creates it again: the same name, another id. */
  async recreate(name: string): Promise<void> {
    const before = this.#cluster.image.topics.get(name)!;
    await this.passing(deleteTopic(this.#cluster, before));
    await this.topic(name, before.partitions.length);
  }

  partition(name: string, index = 0): Partition {
    const partition = this.parts.replicas.partition(name, index);
    assert(partition, `${name}-${index} is here`);
    return partition;
  }

  /** Somebody else writes that `leader` leads the partition, in the next epoch. */
  async electElsewhere(name: string, leader: number, index = 0): Promise<void> {
    const now = this.#cluster.image.topics.get(name)!.partitions[index]!;
    const node = { replicas: [1, leader], leader, leaderEpoch: now.leaderEpoch + 1, isr: [leader] };
    const path = paths.partition(name, index);
    const data = encode(node);
    await this.passing(this.#cluster.multi([{ is: "set", path, data, version: now.version }]));
  }

  /** Lets time pass until the work is done. */
  passing<T>(work: Promise<T>): Promise<T> {
    return passing(this.clock, work);
  }

  scope(version: number): RequestScope {
    return {
      version,
      clientId: "client",
      correlationId: 1,
      listener: "PLAINTEXT",
      remoteAddress: "memory",
      afterSent: (release) => {
        const leave = (): void => {
          release();
          this.released++;
        };
        if (this.held === null) leave();
        else this.held.push(leave);
      },
    };
  }
}

async function passing<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const mark = (): void => void (isDone = true);
  work.then(mark, mark);
  await passUntil(clock, () => isDone);
  return work;
}

export const batchOf = (...values: string[]): Buffer =>
  buildBatch({
    records: values.map((value) => ({ key: null, value: Buffer.from(value) })),
    timestamp: 1_700_000_000_000,
  });

export function valuesIn(records: Buffer | readonly Buffer[] | null | undefined): string[] {
  const parts = Buffer.isBuffer(records) ? [records] : [...(records ?? [])];
  return [...batchesIn(Buffer.concat(parts))]
    .flatMap((batch) => readBatch(batch))
    .map(({ value }) => value!.toString());
}
