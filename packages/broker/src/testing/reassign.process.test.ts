import { eventually } from "@odradek/kit/testing";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

const TOPIC = "orders";
const PARTITIONS = [0, 1, 2, 3];

describe("moving partitions between real brokers", () => {
  let cluster: ProcessCluster;
  let kafka: Kafka;
  let admin: Admin;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 4 });
    kafka = new Kafka({
      brokers: cluster.bootstrap,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, retries: 40, maxRetryTime: 500 },
    });
    admin = kafka.admin();
    await admin.connect();
    const replicaAssignment = PARTITIONS.map((partition) => ({ partition, replicas: [1, 2, 3] }));
    await admin.createTopics({ topics: [{ topic: TOPIC, replicaAssignment }] });
  }, 60_000);
  afterAll(async () => {
    await admin?.disconnect();
    await cluster?.close();
  });

  const replicas = async (): Promise<number[][]> => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    const sorted = topics[0]!.partitions.toSorted((one, other) => one.partitionId - other.partitionId);
    return sorted.map((partition) => partition.replicas);
  };
  /** kafkajs 2.2 calls the field `partition`, its types another name. */
  const moving = async (): Promise<number[]> => {
    const { topics } = await admin.listPartitionReassignments({});
    return topics
      .flatMap(({ partitions }) => partitions.map((each) => (each as unknown as { partition: number }).partition))
      .toSorted((one, other) => one - other);
  };
  const move = (partitions: readonly number[], to: number[]): Promise<void> =>
    admin.alterPartitionReassignments({
      topics: [{ topic: TOPIC, partitionAssignment: partitions.map((partition) => ({ partition, replicas: to })) }],
    });

  it("K-01, P-20: leader and all, under load, nothing acknowledged is lost and no client sees an error that it can't bear", async () => {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const acknowledged = new Map<string, string>();
    let isRunning = true;
    const load = (async (): Promise<void> => {
      for (let next = 0; isRunning;) {
        const partition = next % PARTITIONS.length;
        const messages = Array.from({ length: 20 }, () => ({ value: `${next++}`.padEnd(500), partition }));
        const [result] = await producer.send({ topic: TOPIC, acks: -1, messages });
        for (const [at, { value }] of messages.entries())
          acknowledged.set(value, `${partition}@${Number(result!.baseOffset) + at}`);
      }
    })();
    await eventually(
      () => `${acknowledged.size} of 1000 sent`,
      () => acknowledged.size > 1000,
    );
    await cluster.broker(4).kill("SIGKILL");
    // kafkajs gives up on an administrative call whose controller is a broker that just died.
    const isMissed = async (): Promise<boolean> =>
      (await admin.describeCluster().catch(() => null))?.brokers.every(({ nodeId }) => nodeId !== 4) === true;
    await eventually("the death of broker 4 is noticed", isMissed, 60_000);
    await move(PARTITIONS, [4, 3, 2]);
    expect(await moving()).toEqual(PARTITIONS);
    expect((await replicas())[0]).toEqual([4, 3, 2, 1]);
    const before = acknowledged.size;
    await eventually("writes go on while the new replica is away", () => acknowledged.size > before + 500, 60_000);
    await cluster.startBroker(4);
    await eventually("the move ends", async () => (await moving()).length === 0, 60_000);
    expect(await replicas()).toEqual(PARTITIONS.map(() => [4, 3, 2]));
    const moved = acknowledged.size;
    await eventually("writes go on after the move", () => acknowledged.size > moved + 500, 60_000);
    isRunning = false;
    await load;
    await producer.disconnect();
    expect(await read(acknowledged.size)).toEqual(acknowledged);
  }, 120_000);

  /** What stands in the topic, each value with its place, once as many are found. */
  async function read(count: number): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const consumer = kafka.consumer({ groupId: "checker" });
    await consumer.connect();
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message }) =>
        void found.set(message.value!.toString(), `${partition}@${message.offset}`),
    });
    await eventually(
      () => `${found.size} of ${count} read`,
      () => found.size >= count,
      60_000,
    );
    await consumer.disconnect();
    return found;
  }
});
