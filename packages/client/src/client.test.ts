import { randomUUID } from "node:crypto";
import { eventually } from "@odradek/kit/testing";
import { beforeAll, describe, test } from "vitest";
import {
  createAdmin,
  createConsumer,
  createProducer,
  type Consumer,
  type ConsumerOptions,
  KafkaError,
} from "./index.ts";
import { testBootstrap } from "./testing/bootstrap.ts";

let bootstrap: string;
beforeAll(async () => {
  bootstrap = await testBootstrap();
}, 60_000);

const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function newTopic(partitionCount: number, configs: { [name: string]: string } = {}): Promise<string> {
  await using admin = createAdmin({ bootstrap });
  const name = unique("topic");
  await admin.createTopics([{ name, partitionCount, configs }]);
  return name;
}

async function fill(topic: string, values: readonly string[], partition?: number): Promise<void> {
  await using producer = createProducer({ bootstrap });
  await producer.send({ topic, messages: values.map((value) => ({ key: value, value, partition })) });
}

/** Values until there are `count`; fails when they do not come in time. */
async function take(consumer: Consumer, count: number): Promise<string[]> {
  const values: string[] = [];
  await eventually(
    `${count} records`,
    async () => {
      const batch = await consumer.next({ timeoutMs: 500 });
      for (const record of batch?.records ?? []) values.push(record.value!.toString());
      return values.length >= count;
    },
    20_000,
  );
  return values;
}

const reader = (options: Partial<ConsumerOptions> = {}): Consumer =>
  createConsumer({
    bootstrap,
    autoOffsetReset: "earliest",
    heartbeatIntervalMs: 300,
    sessionTimeoutMs: 6_000,
    ...options,
  });

describe("producer and consumer", () => {
  test.for(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
    "%s: keys, values, headers and times come back as sent",
    async (compression, { expect }) => {
      const topic = await newTopic(1);
      await using producer = createProducer({ bootstrap, compression });
      const timestamp = Date.now() - 5_000;
      const messages = [
        { key: "k", value: "v".repeat(10_000), headers: { a: "1", b: Buffer.from([0, 255]), c: null }, timestamp },
        { key: null, value: Buffer.from([1, 2, 3]), timestamp: timestamp + 1 },
        { value: null, timestamp: timestamp + 2 },
      ];
      const places = await producer.send({ topic, messages });
      expect(places.map(({ offset }) => offset)).toEqual([0, 1, 2]);
      await using consumer = reader();
      consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
      const batch = await consumer.next({ timeoutMs: 10_000 });
      expect(batch?.records).toEqual([
        {
          offset: 0,
          timestamp,
          key: Buffer.from("k"),
          value: Buffer.from("v".repeat(10_000)),
          headers: [
            { key: "a", value: Buffer.from("1") },
            { key: "b", value: Buffer.from([0, 255]) },
            { key: "c", value: null },
          ],
        },
        { offset: 1, timestamp: timestamp + 1, key: null, value: Buffer.from([1, 2, 3]), headers: [] },
        { offset: 2, timestamp: timestamp + 2, key: null, value: null, headers: [] },
      ]);
      expect([batch?.nextOffset, consumer.position({ topic, partition: 0 })]).toEqual([3, 3]);
    },
  );

  test("what is sent one by one from many places keeps its order per partition", async ({ expect }) => {
    const topic = await newTopic(3);
    await using producer = createProducer({ bootstrap, lingerMs: 1, batchBytesMax: 2_000 });
    await Promise.all(
      range(3_000).map((i) => producer.send({ topic, messages: [{ value: String(i), partition: i % 3 }] })),
    );
    await using consumer = reader();
    consumer.assign(range(3).map((partition) => ({ topic, partition, offset: "earliest" })));
    const values = (await take(consumer, 3_000)).map(Number);
    for (const partition of range(3)) {
      expect(values.filter((value) => value % 3 === partition)).toEqual(range(1_000).map((i) => i * 3 + partition));
    }
  });

  test.for([1, 0] as const)("acks %d", async (acks, { expect }) => {
    const topic = await newTopic(1);
    await fill(topic, ["ready"]); // without an answer, what a leader gets before it knows that it leads is lost
    await using producer = createProducer({ bootstrap, acks });
    await producer.send({ topic, messages: [{ value: "a" }, { value: "b" }] });
    await using consumer = reader();
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, 3)).toEqual(["ready", "a", "b"]);
  });

  test("a topic is created on first use where the cluster allows it", async ({ expect }) => {
    const topic = unique("first-use");
    await fill(topic, ["a"]);
    await using consumer = reader();
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, 1)).toEqual(["a"]);
  });

  test("a record above the topic's limit is refused by name", async ({ expect }) => {
    const topic = await newTopic(1, { "max.message.bytes": "2000" });
    await using producer = createProducer({ bootstrap });
    await expect(producer.send({ topic, messages: [{ value: "x".repeat(5_000) }] })).rejects.toMatchObject({
      codeName: "MESSAGE_TOO_LARGE",
    });
    await producer.send({ topic, messages: [{ value: "x" }] });
  });

  test("a batch above the topic's limit arrives in pieces, in order", async ({ expect }) => {
    const topic = await newTopic(1, { "max.message.bytes": "2000" });
    await using producer = createProducer({ bootstrap });
    const values = Array.from({ length: 40 }, (_, at) => `${at}:${"x".repeat(300)}`);
    const places = await producer.send({ topic, messages: values.map((value) => ({ value })) });
    expect(places.map(({ offset }) => offset)).toEqual(values.map((_, at) => at));
    await using consumer = reader();
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, values.length)).toEqual(values);
  });

  test("reading begins at an offset, a time, the end, and goes where seek says", async ({ expect }) => {
    const topic = await newTopic(1);
    await using producer = createProducer({ bootstrap });
    const start = Date.now() - 100_000;
    await producer.send({
      topic,
      messages: range(10).map((i) => ({ value: String(i), timestamp: start + i * 1_000 })),
    });
    const partition = { topic, partition: 0 };
    await using consumer = reader();
    consumer.assign([{ ...partition, offset: 7 }]);
    expect(await take(consumer, 3)).toEqual(["7", "8", "9"]);
    consumer.seek(partition, 4);
    expect((await take(consumer, 6))[0]).toBe("4");
    consumer.assign([{ ...partition, offset: { timestamp: start + 2_500 } }]);
    expect((await take(consumer, 7))[0]).toBe("3");
    consumer.assign([{ ...partition, offset: "latest" }]);
    expect(await consumer.next({ timeoutMs: 300 })).toBeNull();
    expect(consumer.position(partition)).toBe(10);
    await producer.send({ topic, messages: [{ value: "new" }] });
    expect(await take(consumer, 1)).toEqual(["new"]);
  });

  test("an offset that is gone is replaced by the policy, or reported without one", async ({ expect }) => {
    const topic = await newTopic(1);
    await fill(topic, ["a", "b"]);
    await using earliest = reader();
    earliest.assign([{ topic, partition: 0, offset: 500 }]);
    expect(await take(earliest, 2)).toEqual(["a", "b"]);
    await using strict = reader({ autoOffsetReset: "none" });
    strict.assign([{ topic, partition: 0, offset: 500 }]);
    await expect(strict.next({ timeoutMs: 10_000 })).rejects.toMatchObject({ codeName: "OFFSET_OUT_OF_RANGE" });
  });

  test("closing ends an iteration that waits", async ({ expect }) => {
    const topic = await newTopic(1);
    const consumer = reader();
    consumer.assign([{ topic, partition: 0, offset: "latest" }]);
    const reading = (async () => {
      let count = 0;
      for await (const batch of consumer) count += batch.records.length;
      return count;
    })();
    await eventually("a position", () => consumer.position({ topic, partition: 0 }) !== null);
    await consumer.close();
    expect(await reading).toBe(0);
  });
});

describe("groups", () => {
  test("a member goes on where the one before it committed", async ({ expect }) => {
    const topic = await newTopic(2);
    const groupId = unique("group");
    await fill(topic, ["a", "b", "c"], 0);
    {
      await using first = reader({ groupId, isAutoCommit: false });
      first.subscribe([topic]);
      expect(await take(first, 3)).toEqual(["a", "b", "c"]);
      await first.commit([{ topic, partition: 0, offset: 2 }]);
    }
    await using second = reader({ groupId, isAutoCommit: false });
    second.subscribe([topic]);
    expect(await take(second, 1)).toEqual(["c"]);
    await second.commit();
    await using admin = createAdmin({ bootstrap });
    expect(await admin.fetchOffsets(groupId, [{ topic, partition: 0 }])).toMatchObject([{ offset: 3 }]);
  });

  test("closing commits what has been handed out and leaves the group", async ({ expect }) => {
    const topic = await newTopic(1);
    const groupId = unique("group");
    await fill(topic, ["a", "b"]);
    {
      await using consumer = reader({ groupId });
      consumer.subscribe([topic]);
      await take(consumer, 2);
    }
    await using admin = createAdmin({ bootstrap });
    expect(await admin.fetchOffsets(groupId)).toMatchObject([{ topic, partition: 0, offset: 2 }]);
    expect(await admin.describeGroups([groupId])).toMatchObject([{ state: "Empty", members: [] }]);
  });

  test.for(["range", "roundrobin"] as const)(
    "%s: members share the partitions, and take over from one that leaves",
    async (assignor, { expect }) => {
      const topic = await newTopic(4);
      const groupId = unique("group");
      const members = range(3).map(() => reader({ groupId, assignors: [assignor] }));
      const seen: string[] = [];
      const loops = members.map(async (consumer) => {
        consumer.subscribe([topic]);
        for await (const batch of consumer) for (const record of batch.records) seen.push(record.value!.toString());
      });
      const shares = (): number[] => members.map((consumer) => consumer.assignment().length).toSorted((a, b) => a - b);
      await eventually("everybody has a share", () => shares().join() === "1,1,2", 20_000);
      await fill(topic, range(200).map(String));
      await eventually("all records are seen", () => seen.length >= 200);
      await members[0]!.close();
      await eventually(
        "the others share",
        () => members.slice(1).every((consumer) => consumer.assignment().length === 2),
        20_000,
      );
      await fill(
        topic,
        range(200).map((i) => String(200 + i)),
      );
      await eventually("all new records are seen", () => new Set(seen).size >= 400);
      expect(seen.length).toBe(400);
      await Promise.all(members.map((consumer) => consumer.close()));
      await Promise.all(loops);
    },
  );

  test("partitions added to a topic are dealt out", async ({ expect }) => {
    const topic = await newTopic(1);
    await using consumer = reader({ groupId: unique("group") });
    consumer.subscribe([topic]);
    await eventually(
      "one partition",
      async () => (await consumer.next({ timeoutMs: 200 })) === null && consumer.assignment().length === 1,
    );
    await using admin = createAdmin({ bootstrap });
    await admin.createPartitions([{ topic, partitionCount: 3 }]);
    await eventually(
      "three partitions",
      async () => (await consumer.next({ timeoutMs: 200 })) === null && consumer.assignment().length === 3,
      20_000,
    );
    await fill(topic, ["x"], 2);
    expect(await take(consumer, 1)).toEqual(["x"]);
  });

  test("a static member finds its partitions again without a rebalance", async ({ expect }) => {
    const topic = await newTopic(2);
    const groupId = unique("group");
    const options = { groupId, groupInstanceId: "static-1" };
    await fill(topic, ["a"], 0);
    const first = reader(options);
    first.subscribe([topic]);
    await take(first, 1);
    await first.close();
    await using again = reader(options);
    again.subscribe([topic]);
    await fill(topic, ["b"], 0);
    expect(await take(again, 1)).toEqual(["b"]);
    expect(again.assignment()).toHaveLength(2);
  });
});

describe("admin", () => {
  test("the cluster, its brokers and its topics", async ({ expect }) => {
    await using admin = createAdmin({ bootstrap });
    const { clusterId, controllerId, brokers } = await admin.describeCluster();
    expect(clusterId).not.toBeNull();
    expect(brokers.map(({ id }) => id)).toContain(controllerId);
    const name = unique("topic");
    const [created] = await admin.createTopics([{ name, partitionCount: 2 }]);
    expect(created).toMatchObject({ name, partitionCount: 2 });
    const listed = await eventually("it is listed", async () =>
      (await admin.listTopics()).find((topic) => topic.name === name),
    );
    expect(listed).toMatchObject({ partitionCount: 2, isInternal: false });
    const [described] = await admin.describeTopics([name]);
    expect(described!.partitions.map(({ partition }) => partition)).toEqual([0, 1]);
    expect(described!.topicId).toBe(created!.topicId);
    await expect(admin.createTopics([{ name }])).rejects.toMatchObject({
      codeName: "TOPIC_ALREADY_EXISTS",
      what: `topic ${name}`,
    });
    await admin.createPartitions([{ topic: name, partitionCount: 3 }]);
    await eventually("three partitions", async () => (await admin.describeTopics([name]))[0]!.partitions.length === 3);
    await admin.deleteTopics([name]);
    await eventually("it is gone", async () => !(await admin.listTopics()).some((topic) => topic.name === name));
    await expect(admin.describeTopics([name])).rejects.toMatchObject({ codeName: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  test("validating creates nothing; bad names and sizes are refused by name", async ({ expect }) => {
    await using admin = createAdmin({ bootstrap });
    const name = unique("topic");
    await admin.createTopics([{ name, partitionCount: 1 }], { isValidateOnly: true });
    expect((await admin.listTopics()).some((topic) => topic.name === name)).toBe(false);
    await expect(admin.createTopics([{ name: "a/b", partitionCount: 1 }])).rejects.toMatchObject({
      codeName: "INVALID_TOPIC_EXCEPTION",
    });
    await expect(admin.createTopics([{ name, replicationFactor: 99 }])).rejects.toMatchObject({
      codeName: "INVALID_REPLICATION_FACTOR",
    });
  });

  test("configs are set, seen with their source, and unset", async ({ expect }) => {
    const name = await newTopic(1, { "retention.ms": "1234567" });
    const resource = { type: "topic", name } as const;
    await using admin = createAdmin({ bootstrap });
    const config = async (wanted: string) =>
      (await admin.describeConfigs([resource]))[0]!.configs.find((one) => one.name === wanted);
    expect(await config("retention.ms")).toMatchObject({ value: "1234567", source: "topic", isDefault: false });
    await admin.alterConfigs([{ ...resource, set: { "max.message.bytes": "5000" }, unset: ["retention.ms"] }]);
    await eventually("the change is seen", async () => (await config("max.message.bytes"))?.value === "5000");
    expect(await config("retention.ms")).toMatchObject({ value: "604800000", isDefault: true });
    await expect(admin.alterConfigs([{ ...resource, set: { "no.such.config": "1" } }])).rejects.toBeInstanceOf(
      KafkaError,
    );
    const [broker] = (await admin.describeCluster()).brokers;
    const [configs] = await admin.describeConfigs([{ type: "broker", name: String(broker!.id) }]);
    expect(configs!.configs.find((one) => one.name === "num.partitions")).toMatchObject({ isSensitive: false });
  });

  test("offsets by rank and by time", async ({ expect }) => {
    const topic = await newTopic(2);
    await using producer = createProducer({ bootstrap });
    const start = Date.now() - 100_000;
    await producer.send({
      topic,
      messages: range(5).map((i) => ({ value: "v", partition: 1, timestamp: start + i * 10 })),
    });
    await using admin = createAdmin({ bootstrap });
    const both = [0, 1].map((partition) => ({ topic, partition }));
    const offsets = async (at: Parameters<typeof admin.listOffsets>[1]) =>
      (await admin.listOffsets(both, at)).toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset);
    expect(await offsets("earliest")).toEqual([0, 0]);
    expect(await offsets("latest")).toEqual([0, 5]);
    expect(await offsets({ timestamp: start + 25 })).toEqual([-1, 3]);
    await expect(admin.listOffsets([{ topic, partition: 9 }], "latest")).rejects.toBeInstanceOf(KafkaError);
  });

  test("groups are listed, described and deleted; offsets of a group without members can be set", async ({
    expect,
  }) => {
    const topic = await newTopic(1);
    const groupId = unique("group");
    await using admin = createAdmin({ bootstrap });
    await fill(topic, ["a"]);
    const consumer = reader({ groupId, clientId: "member" });
    consumer.subscribe([topic]);
    await take(consumer, 1);
    expect((await admin.listGroups()).find((group) => group.groupId === groupId)).toMatchObject({
      protocolType: "consumer",
      state: "Stable",
    });
    const [described] = await admin.describeGroups([groupId]);
    expect(described).toMatchObject({ state: "Stable", protocol: "range" });
    expect(described!.members).toMatchObject([{ clientId: "member", assignment: [{ topic, partition: 0 }] }]);
    await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({ codeName: "NON_EMPTY_GROUP" });
    await consumer.close();
    await admin.commitOffsets(groupId, [{ topic, partition: 0, offset: 0, metadata: "back" }]);
    expect(await admin.fetchOffsets(groupId)).toMatchObject([{ topic, partition: 0, offset: 0, metadata: "back" }]);
    expect(await admin.fetchOffsets(groupId, [{ topic, partition: 0 }])).toHaveLength(1);
    await admin.deleteGroups([groupId]);
    await expect(admin.describeGroups([groupId])).rejects.toMatchObject({ codeName: "GROUP_ID_NOT_FOUND" });
  });
});
