import { beforeAll, test } from "vitest";
import { eventually } from "@odradek/kit/testing";
import { createAdmin, createProducer, KafkaError } from "../index.ts";
import { testBootstrap } from "../testing/bootstrap.ts";
import { fill, newTopic, range, reader, take, unique } from "../testing/records.ts";

let bootstrap: string;
beforeAll(async () => {
  bootstrap = await testBootstrap();
}, 60_000);

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

test("an election that is not needed is no error; one of a partition that is not there is, and is the answer about it alone", async ({
  expect,
}) => {
  const topic = await newTopic(bootstrap, 1);
  await using admin = createAdmin({ bootstrap });
  const asked = [0, 7].map((partition) => ({ topic, partition }));
  const results = await admin.electLeaders(asked);
  expect(results).toMatchObject([
    { ...asked[0], isElected: false, error: null },
    { ...asked[1], isElected: false, error: { codeName: "UNKNOWN_TOPIC_OR_PARTITION" } },
  ]);
});

test("configs are set, seen with their source, and unset", async ({ expect }) => {
  const name = await newTopic(bootstrap, 1, { "retention.ms": "1234567" });
  const resource = { type: "topic", name } as const;
  await using admin = createAdmin({ bootstrap });
  const config = async (wanted: string) =>
    (await admin.describeConfigs([resource]))[0]!.configs.find((one) => one.name === wanted);
  expect(await config("retention.ms")).toMatchObject({ value: "1234567", source: "topic", isDefault: false });
  await admin.alterConfigs([{ ...resource, set: { "max.message.bytes": "5000" }, unset: ["retention.ms"] }]);
  await eventually("the change is seen", async () => (await config("max.message.bytes"))?.value === "5000");
  await eventually("the default is back", async () => (await config("retention.ms"))?.isDefault === true);
  expect(await config("retention.ms")).toMatchObject({ value: "604800000" });
  await expect(admin.alterConfigs([{ ...resource, set: { "no.such.config": "1" } }])).rejects.toBeInstanceOf(
    KafkaError,
  );
  const [broker] = (await admin.describeCluster()).brokers;
  const [configs] = await admin.describeConfigs([{ type: "broker", name: String(broker!.id) }]);
  expect(configs!.configs.find((one) => one.name === "num.partitions")).toMatchObject({ isSensitive: false });
});

test("offsets by rank and by time", async ({ expect }) => {
  const topic = await newTopic(bootstrap, 2);
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

test("groups are listed, described and deleted; offsets of a group without members can be set", async ({ expect }) => {
  const topic = await newTopic(bootstrap, 1);
  const groupId = unique("group");
  await using admin = createAdmin({ bootstrap });
  await fill(bootstrap, topic, ["a"]);
  const consumer = reader(bootstrap, { groupId, clientId: "member" });
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
