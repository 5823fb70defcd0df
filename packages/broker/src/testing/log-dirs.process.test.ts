import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noSmallDisks, SmallDisks } from "../../../metadata/src/testing/small-disks.ts";
import { ProcessCluster } from "./processes.ts";

const reason = noSmallDisks();
if (reason !== null) process.stderr.write(`SKIPPED: a data directory on a full disk: ${reason}\n`);

const TOPIC = "orders";
const PARTITIONS = 4;
const DISK_MIB = 8;

describe.runIf(reason === null)("a broker with a second data directory on a small disk", () => {
  let disks: SmallDisks;
  let disk: string;
  let cluster: ProcessCluster;
  let kafka: Kafka;
  beforeAll(async () => {
    disks = await SmallDisks.mount(1, DISK_MIB);
    disk = join(disks.seen(1), "data");
    mkdirSync(disk);
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 3, disks: new Map([[1, disk]]) });
    kafka = new Kafka({
      brokers: cluster.bootstrap,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, retries: 40, maxRetryTime: 500 },
    });
  }, 60_000);
  afterAll(async () => {
    await cluster?.close();
    await disks?.unmount();
  });

  it("L-12: when the disk is full its partitions are led by others, the broker goes on with the rest, nothing is lost", async () => {
    const admin = kafka.admin();
    await admin.connect();
    const replicaAssignment = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      replicas: [1, 2, 3],
    }));
    await admin.createTopics({ topics: [{ topic: TOPIC, replicaAssignment }] });
    const onDisk = readdirSync(disk).flatMap((name) => (name.startsWith(TOPIC) ? [Number(name.split("-")[1])] : []));
    expect(onDisk.length).toBe(PARTITIONS / 2);

    await disks.fill(1, 1);
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const acknowledged = new Set<string>();
    for (let next = 0; next < 2000;) {
      const messages = Array.from({ length: 20 }, () => ({
        value: `${next++}`.padEnd(3000),
        partition: next % PARTITIONS,
      }));
      await producer.send({ topic: TOPIC, acks: -1, messages });
      for (const { value } of messages) acknowledged.add(value);
    }
    await producer.disconnect();
    await cluster.broker(1).event("directory-failed");
    expect(cluster.broker(1).isRunning).toBe(true);

    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    for (const { partitionId, leader, isr, offlineReplicas = [] } of topics[0]!.partitions)
      if (onDisk.includes(partitionId))
        expect([leader === 1, isr.includes(1), offlineReplicas]).toEqual([false, false, [1]]);
      else expect([leader, isr.includes(1), offlineReplicas]).toEqual([1, true, []]);
    await admin.disconnect();

    const consumer = kafka.consumer({ groupId: "readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void acknowledged.delete(String(message.value)) });
    await expect.poll(() => acknowledged.size, { timeout: 30_000 }).toBe(0);
    await consumer.disconnect();
  }, 120_000);
});
