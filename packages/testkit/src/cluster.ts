import { type Admin, createAdmin, createConsumer } from "@odradek/client";
import { delay, silentLogger, SystemClock } from "@odradek/kit";
import { MemoryNetwork } from "@odradek/kit/testing";
import type { MetadataNode } from "@odradek/metadata/node";
import { keptAlive } from "./alive.ts";
import { brokerName, TestBroker } from "./broker.ts";
import { brokerCount, type ClusterOptions, settingsFor, type TopicOptions } from "./options.ts";
import { startStore, STORE_NAME, storeMembers } from "./store.ts";

/** Strings are the bytes as UTF-8. */
export type TestRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: { readonly [name: string]: string | null };
};

/**
 * Starts a whole cluster in this process: real brokers on ports that the system gives, with logs and coordination store in memory. Resolves
 * when every broker serves and the topics asked for have leaders. Several may run side by side.
 */
export function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  return keptAlive(() => start(options));
}

async function start(options: ClusterOptions): Promise<TestCluster> {
  const count = brokerCount(options);
  const { logger = silentLogger, racks, topics = {} } = options;
  const network = new MemoryNetwork(new SystemClock());
  await using opened = new AsyncDisposableStack();
  const store = await startStore(network, logger);
  opened.defer(() => store.close());
  const settings = settingsFor(count, options).set("odradek.metadata.connect", storeMembers);
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  const brokers = ids.map((id) => {
    const rack = racks?.[id - 1];
    const own = rack === undefined ? settings : new Map([...settings, ["broker.rack", rack]]);
    const peers = [STORE_NAME, ...ids.filter((other) => other !== id).map(brokerName)];
    return new TestBroker({ id, peers, network, settings: own, logger });
  });
  opened.defer(() => closeAll(brokers));
  await Promise.all(brokers.map((broker) => broker.start()));
  const cluster = new TestCluster(store, brokers);
  await cluster.createTopics(topics);
  opened.move();
  return cluster;
}

/** A running cluster; see README. */
export class TestCluster implements AsyncDisposable {
  readonly brokers: readonly TestBroker[];
  readonly #store: MetadataNode;

  constructor(store: MetadataNode, brokers: readonly TestBroker[]) {
    this.#store = store;
    this.brokers = brokers;
  }

  /** "127.0.0.1:port,…" of all brokers, dead or alive. */
  get bootstrap(): string {
    return this.addresses.join();
  }

  /** The same as a list, as kafkajs wants it. */
  get addresses(): string[] {
    return this.brokers.map(({ address }) => address);
  }

  /** Throws RangeError when there is no such broker. */
  broker(id: number): TestBroker {
    const found = this.brokers.find((broker) => broker.id === id);
    if (found === undefined) throw new RangeError(`there is no broker ${id}, only 1 to ${this.brokers.length}`);
    return found;
  }

  /** Makes topics, by name; a number is the count of partitions. Resolves when they have leaders. */
  async createTopics(topics: { readonly [name: string]: number | TopicOptions }): Promise<void> {
    const wanted = Object.entries(topics).map(([name, options]) => {
      const { partitions = 1, ...rest } = typeof options === "number" ? { partitions: options } : options;
      return { name, partitionCount: partitions, ...rest };
    });
    if (wanted.length === 0) return;
    await using admin = this.#admin();
    await admin.createTopics(wanted);
  }

  /** The broker that leads the partition, waiting for one that runs: the cluster names a dead one until it has noticed. */
  async leaderOf(topic: string, partition = 0): Promise<TestBroker> {
    const informed = this.brokers.filter(({ isInformed }) => isInformed);
    if (informed.length === 0) throw new Error("no broker runs that can say who leads");
    await using admin = createAdmin({ bootstrap: informed.map(({ address }) => address).join() });
    for (const deadlineMs = clock.now() + LEADER_MS_MAX; clock.now() < deadlineMs;) {
      const [described] = await admin.describeTopics([topic]);
      const found = described!.partitions[partition];
      if (found === undefined) throw new RangeError(`${topic} has no partition ${partition}`);
      const leader = this.brokers.find(({ id }) => id === found.leader);
      if (leader?.isRunning) return leader;
      await delay(clock, LOOK_MS);
    }
    throw new Error(`${topic}-${partition} has had no running leader for ${LEADER_MS_MAX} ms`);
  }

  /** All records of a topic as they stand now, partition by partition: for a test to look at, without a group. */
  async records(topic: string): Promise<TestRecord[]> {
    await using admin = this.#admin();
    const [described] = await admin.describeTopics([topic]);
    const places = described!.partitions.map(({ partition }) => ({ topic, partition }));
    const ends = new Map((await admin.listOffsets(places, "latest")).map((one) => [one.partition, one.offset]));
    await using consumer = createConsumer({ bootstrap: this.bootstrap, autoOffsetReset: "earliest" });
    consumer.assign(places.map((place) => ({ ...place, offset: "earliest" })));
    const isBehind = (): boolean =>
      places.some((place) => (consumer.position(place) ?? 0) < ends.get(place.partition)!);
    const records: TestRecord[] = [];
    while (isBehind()) {
      const batch = await consumer.next({ timeoutMs: LOOK_MS });
      for (const { key, value, headers, ...rest } of batch?.records ?? [])
        records.push({
          ...{ partition: batch!.partition, ...rest, key: text(key), value: text(value) },
          headers: Object.fromEntries(headers.map((header) => [header.key, text(header.value)])),
        });
    }
    return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  async close(): Promise<void> {
    try {
      await closeAll(this.brokers);
    } finally {
      await keptAlive(() => this.#store.close());
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #admin(): Admin {
    return createAdmin({ bootstrap: this.bootstrap });
  }
}

async function closeAll(brokers: readonly TestBroker[]): Promise<void> {
  const closed = await Promise.allSettled(brokers.map((broker) => broker.close()));
  for (const one of closed) if (one.status === "rejected") throw one.reason;
}

/** Between two looks. Positions also move past what holds no record: markers of transactions. */
const LOOK_MS = 50;

/** A session timeout of 6 s, and an election. */
const LEADER_MS_MAX = 10_000;

const clock = new SystemClock({ keepsAlive: true });

const text = (bytes: Buffer | null): string | null => bytes?.toString() ?? null;
