import { eventually } from "@odradek/kit/testing";
import { Kafka, logLevel, type Producer } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

const TOPIC = "orders";
const PARTITIONS = 6;

/** Sends numbered records, a few at a time, and remembers what was acknowledged and where. */
class Load {
  readonly acknowledged = new Map<string, string>();
  #isRunning = true;
  #next = 0;
  #sends = 0;
  readonly done: Promise<void>;

  constructor(producer: Producer) {
    this.done = this.#run(producer);
    this.done.catch(() => {}); // whoever stops the load hears of it
  }

  stop(): Promise<void> {
    this.#isRunning = false;
    return this.done;
  }

  async #run(producer: Producer): Promise<void> {
    while (this.#isRunning) {
      // One partition per send: of a send to two brokers kafkajs 2.2 repeats the one that is still under way when the other fails.
      const partition = this.#sends++ % PARTITIONS;
      const messages = Array.from({ length: 20 }, () => ({ value: String(this.#next++), partition }));
      const [result] = await producer.send({ topic: TOPIC, acks: -1, messages });
      const base = Number(result!.baseOffset);
      for (const [index, { value }] of messages.entries()) this.acknowledged.set(value, `${partition}@${base + index}`);
    }
  }
}

describe("kafkajs against three brokers and three metadata nodes", () => {
  let cluster: ProcessCluster;
  let kafka: Kafka;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 3, brokers: 3 });
    kafka = new Kafka({
      brokers: cluster.bootstrap,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, retries: 40, maxRetryTime: 1000 },
    });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 3 }] });
    await admin.disconnect();
  }, 60_000);
  afterAll(() => cluster?.close());

  it("loses nothing acknowledged and reads nothing twice per offset while every broker in turn is killed", async () => {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const load = new Load(producer);
    const found = new Map<string, string>();
    const consumers = ["one", "two", "three"].map((clientId) =>
      new Kafka({ brokers: cluster.bootstrap, clientId, logLevel: logLevel.NOTHING }).consumer({
        groupId: "checkers",
        sessionTimeout: 10_000,
        heartbeatInterval: 500,
      }),
    );
    for (const consumer of consumers) {
      await consumer.connect();
      await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
      await consumer.run({
        partitionsConsumedConcurrently: 2,
        eachMessage: async ({ partition, message }) => {
          const value = message.value!.toString();
          const at = `${partition}@${message.offset}`;
          // A rebalance may show a record again, but always at its one offset.
          if (found.has(value)) expect(found.get(value)).toBe(at);
          found.set(value, at);
        },
      });
    }
    await eventually(
      () => `${load.acknowledged.size} sent and ${found.size} read`,
      () => load.acknowledged.size > 200 && found.size > 0,
    );
    for (const id of [1, 2, 3]) {
      const before = load.acknowledged.size;
      await cluster.broker(id).kill("SIGKILL");
      await eventually(`writes go on without broker ${id}`, () => load.acknowledged.size > before + 100);
      await cluster.startBroker(id);
      const restarted = load.acknowledged.size;
      await eventually(`writes go on after broker ${id} came back`, () => load.acknowledged.size > restarted + 400);
    }
    await load.stop();
    await producer.disconnect();
    const missing = (): string[] => [...load.acknowledged.keys()].filter((value) => !found.has(value));
    await eventually(
      () => `${missing().length} acknowledged records are not read`,
      () => missing().length === 0,
      60_000,
    );
    for (const [value, at] of load.acknowledged) expect(found.get(value)).toBe(at);
    await Promise.all(consumers.map((consumer) => consumer.disconnect()));
  }, 180_000);

  it("tells what the group has committed, and deletes it", async () => {
    const admin = kafka.admin();
    await admin.connect();
    const [committed] = await admin.fetchOffsets({ groupId: "checkers", topics: [TOPIC] });
    const latest = new Map((await admin.fetchTopicOffsets(TOPIC)).map(({ partition, high }) => [partition, high]));
    for (const { partition, offset } of committed!.partitions) expect(offset).toBe(latest.get(partition));
    const { groups } = await admin.listGroups();
    expect(groups.map(({ groupId }) => groupId)).toContain("checkers");
    const described = await admin.describeGroups(["checkers"]);
    expect(described.groups[0]).toMatchObject({ state: "Empty", protocolType: "consumer" });
    await admin.deleteGroups(["checkers"]);
    expect((await admin.listGroups()).groups).toEqual([]);
    await admin.disconnect();
  }, 30_000);
});
