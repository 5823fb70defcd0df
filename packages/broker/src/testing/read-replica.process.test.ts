import { createAdmin, createConsumer, createProducer } from "@odradek/client";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({
    metadata: 1,
    brokers: 2,
    racks: ["east", "west"],
    settings: ["replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector"],
  });
}, 60_000);
afterAll(() => cluster?.close());

it("KIP-392: a consumer in the follower's rack reads everything, and from the follower", async () => {
  const kafka = new Kafka({ brokers: cluster.bootstrap, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic: "words", replicaAssignment: [{ partition: 0, replicas: [1, 2] }] }] });
  const consumer = kafka.consumer({ groupId: "near", rackId: "west", maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: "words", fromBeginning: true });
  const bytesFrom = new Map<string, number>(cluster.bootstrap.map((address) => [address, 0]));
  consumer.on(consumer.events.REQUEST, ({ payload: { apiName, broker, size } }) => {
    if (apiName === "Fetch") bytesFrom.set(broker, bytesFrom.get(broker)! + size);
  });
  const found: string[] = [];
  const isAll = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (found.push(message.value!.toString()) === 100) isAll.resolve();
    },
  });
  const sent = Array.from({ length: 100 }, (_, at) => `${at}`.padEnd(1000));
  for (const value of sent) await producer.send({ topic: "words", acks: -1, messages: [{ value }] });
  await isAll.promise;
  expect(found).toEqual(sent);
  const [fromLeader, fromFollower] = cluster.bootstrap.map((address) => bytesFrom.get(address)!);
  expect(fromFollower).toBeGreaterThan(100_000);
  expect(fromLeader).toBeLessThan(10_000);
  await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
}, 60_000);

it("KIP-392: our own consumer reads from the follower in its rack, and from the leader when that one is dead", async () => {
  const bootstrap = cluster.bootstrap.join();
  const topic = "lines";
  await using admin = createAdmin({ bootstrap });
  await admin.createTopics([{ name: topic, replicaAssignments: [[1, 2]], configs: { "min.insync.replicas": "1" } }]);
  await using producer = createProducer({ bootstrap });
  const troubles: string[] = [];
  await using consumer = createConsumer({
    bootstrap,
    rack: "west",
    onTrouble: ({ message }) => void troubles.push(message),
  });
  consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
  const found: string[] = [];
  const write = async (from: number) => {
    const values = Array.from({ length: 50 }, (_, at) => `${from + at}`);
    for (const value of values) await producer.send({ topic, messages: [{ value }] });
    while (found.length < from + 50)
      found.push(...((await consumer.next())?.records ?? []).map(({ value }) => value!.toString()));
  };
  await write(0);
  await cluster.broker(2).kill("SIGKILL");
  await write(50);
  expect(found).toEqual(Array.from({ length: 100 }, (_, at) => `${at}`));
  expect(troubles.join()).toContain(cluster.bootstrap[1]);
}, 60_000);
