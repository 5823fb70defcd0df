import {
  type AnyApi,
  Batch,
  batchesIn,
  buildBatch,
  type CompressionName,
  CreateTopicsApi,
  DeleteTopicsApi,
  DescribeClusterApi,
  DescribeConfigsApi,
  ErrorCode,
  FetchApi,
  FindCoordinatorApi,
  IncrementalAlterConfigsApi,
  InitProducerIdApi,
  ListOffsetsApi,
  MetadataApi,
  OffsetCommitApi,
  OffsetDeleteApi,
  ProduceApi,
  Reader,
  readBatch,
  type RequestDraft,
  type ResponseOf,
  UUID_ZERO,
  Writer,
} from "@odradek/protocol";
import { beforeEach, expect, test } from "vitest";
import { LoneBroker } from "../testing/lone-broker.ts";
import { handlerFor } from "./handlers.ts";

// Answers of Apache Kafka 4.3 that clients may count on, each found by asking both (scripts/differences.ts).

const TIME = 1_700_000_000_000;
const TOPIC = 2;
const SET = 0;
const key = Buffer.from("k");

let broker: LoneBroker;
beforeEach(async () => {
  broker = await LoneBroker.start();
  await broker.topic("words");
});

/** As a client would: through the bytes of this version, there and back. */
async function ask<A extends AnyApi>(api: A, version: number, draft: RequestDraft<A>): Promise<ResponseOf<A>> {
  const handler = handlerFor(api.key, version)!;
  const writer = new Writer();
  api.writeRequest(writer, version, draft);
  const request = api.readRequest(new Reader(writer.concat()), version);
  const answer = await broker.passing(handler.handle(broker.parts, request, broker.scope(version)));
  api.writeResponse(writer, version, answer);
  return api.readResponse(new Reader(Buffer.from(writer.concat())), version) as ResponseOf<A>;
}

const batchOf = (values: string[], draft: object = {}): Buffer =>
  buildBatch({ records: values.map((value) => ({ key, value: Buffer.from(value) })), timestamp: TIME, ...draft });

async function produce(records: Buffer, { topic = "words", version = 9 } = {}) {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const { responses } = await ask(ProduceApi, version, { acks: 1, timeoutMs: 100, topicData });
  return responses[0]!.partitionResponses[0]!;
}

async function fetch(fetchOffset: number, { topic = "words", lastFetchedEpoch = -1 } = {}) {
  const partitions = [{ partition: 0, fetchOffset, lastFetchedEpoch, partitionMaxBytes: 100_000 }];
  const { responses } = await ask(FetchApi, 12, { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions }] });
  return responses[0]!.partitions[0]!;
}

test("KIP-98: a batch of a transaction, which nobody here would ever end, is refused", async () => {
  const producer = { id: 1, epoch: 0, baseSequence: 0 };
  const { errorCode } = await produce(batchOf(["a"], { isTransactional: true, producer }));
  expect(errorCode).toBe(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  expect(broker.partition("words").lastStable).toBe(broker.partition("words").end);
});

test("Produce takes one batch for a partition, and its base offset is 0", async () => {
  const moved = batchOf(["a"]);
  new Batch(moved).baseOffset = 7;
  for (const records of [Buffer.concat([batchOf(["a"]), batchOf(["b"])]), moved])
    expect(await produce(records)).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD, baseOffset: -1 });
  expect(broker.partition("words").end).toBe(0);
});

test("KIP-110: clients that don't know zstd yet may not produce it", async () => {
  const records = batchOf(["a"], { compression: "zstd" });
  expect((await produce(Buffer.from(records), { version: 6 })).errorCode).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE);
  expect((await produce(records, { version: 7 })).errorCode).toBe(ErrorCode.NONE);
});

test("KIP-467: of a batch with timestamps out of range the records to blame are named", async () => {
  await broker.topic("recent", 1, { "message.timestamp.before.max.ms": "1000" });
  const now = broker.clock.wallMs();
  const value = Buffer.from("v");
  const times = [now - 5000, now - 500, now - 6000];
  const old = buildBatch({ records: times.map((timestamp) => ({ key, value, timestamp })) });
  // What a batch says of its largest timestamp is believed: the others are looked at only when that one is out of range.
  expect((await produce(Buffer.from(old), { topic: "recent" })).errorCode).toBe(ErrorCode.NONE);
  const older = buildBatch({ records: [now - 5000, now - 4000].map((timestamp) => ({ key, value, timestamp })) });
  const { errorCode, recordErrors } = await produce(older, { topic: "recent" });
  expect([errorCode, recordErrors.map(({ batchIndex }) => batchIndex)]).toEqual([ErrorCode.INVALID_TIMESTAMP, [0, 1]]);
});

test("a batch that claims the broker's time keeps its records' times on a topic with CreateTime", async () => {
  const records = batchOf(["a"]);
  records.writeInt16BE(0x08, 21);
  records.writeUInt32BE(new Batch(records).computeCrc(), 17);
  expect((await produce(records)).errorCode).toBe(ErrorCode.NONE);
  const batch = new Batch((await fetch(0)).records!);
  expect([batch.isLogAppendTime, batch.crc]).toEqual([false, batch.computeCrc()]);
});

test.for<[asked: string, stored: number]>([
  ["gzip", 1],
  ["snappy", 2],
  ["lz4", 3],
  ["zstd", 4],
  ["uncompressed", 0],
])("compression.type=%s: whatever is produced is stored in that codec", async ([asked, stored]) => {
  await broker.topic("packed", 1, { "compression.type": asked });
  const codecs: CompressionName[] = ["none", "gzip", "snappy", "lz4", "zstd"];
  for (const compression of codecs)
    expect(await produce(batchOf(["a", compression], { compression }), { topic: "packed" })).toMatchObject({
      errorCode: ErrorCode.NONE,
    });
  const batches = [...batchesIn((await fetch(0, { topic: "packed" })).records!)];
  expect(batches.map(({ compression }) => compression)).toEqual(codecs.map(() => stored));
  expect(batches.every((batch) => batch.crc === batch.computeCrc())).toBe(true);
  const read = batches.flatMap((batch) => readBatch(batch));
  expect(read.map(({ offset, value }) => `${offset} ${value}`)).toEqual(
    codecs.flatMap((codec, index) => [`${2 * index} a`, `${2 * index + 1} ${codec}`]),
  );
});

test.for<[codec: "gzip" | "zstd", low: string, high: string]>([
  ["gzip", "1", "9"],
  ["zstd", "-50", "19"],
])("compression.%s.level: a higher one packs tighter", async ([codec, low, high]) => {
  const value = Array.from({ length: 4000 }, (_, at) => `${(at * at) % 97}`).join();
  const sizeAt = async (level: string): Promise<number> => {
    const topic = `level${level}`;
    await broker.topic(topic, 1, { "compression.type": codec, [`compression.${codec}.level`]: level });
    expect(await produce(batchOf([value]), { topic })).toMatchObject({ errorCode: ErrorCode.NONE });
    return (await fetch(0, { topic })).records!.length;
  };
  expect(await sizeAt(high)).toBeLessThan(await sizeAt(low));
});

test("compression.type: what can't be unpacked, or is too large in the topic's codec, is refused", async () => {
  await broker.topic("plain", 1, { "compression.type": "uncompressed", "max.message.bytes": "200" });
  const torn = batchOf(["a"]);
  torn.writeInt16BE(1, 21);
  torn.writeUInt32BE(new Batch(torn).computeCrc(), 17);
  expect((await produce(torn, { topic: "plain" })).errorCode).toBe(ErrorCode.INVALID_RECORD);
  const packed = batchOf(["x".repeat(400)], { compression: "gzip" });
  expect(packed.length).toBeLessThan(200);
  expect((await produce(packed, { topic: "plain" })).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  expect(broker.partition("plain").end).toBe(0);
});

test("KIP-595: who has read beyond the end in an epoch is told where that epoch ends", async () => {
  await produce(batchOf(["a", "b"]));
  expect(await fetch(9, { lastFetchedEpoch: 0 })).toMatchObject({
    errorCode: ErrorCode.NONE,
    divergingEpoch: { epoch: 0, endOffset: 2 },
  });
  expect((await fetch(9)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
});

test.for<[timestamp: number, since: number]>([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
  [-5, 9],
  [-6, 11],
  [-7, Infinity],
  [-100, Infinity],
])("ListOffsets: the special timestamp %i is known from version %i on", async ([timestamp, since]) => {
  for (let version = 1; version <= 11; version++) {
    const asked = [{ name: "words", partitions: [{ partitionIndex: 0, timestamp }] }];
    const { topics } = await ask(ListOffsetsApi, version, { replicaId: -1, topics: asked });
    const expected = version < since ? ErrorCode.UNSUPPORTED_VERSION : ErrorCode.NONE;
    expect(topics[0]!.partitions[0]!.errorCode).toBe(expected);
  }
});

test("KIP-360: who resumes a producer id names its epoch, too", async () => {
  const resumed = async (producerId: number, producerEpoch: number) => {
    const draft = { transactionalId: null, transactionTimeoutMs: 1000, producerId, producerEpoch };
    return (await ask(InitProducerIdApi, 3, draft)).errorCode;
  };
  expect([await resumed(5, -1), await resumed(-1, 3)]).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST]);
  expect([await resumed(-1, -1), await resumed(5, 3)]).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
});

test("DeleteTopics: who is named twice, by whatever, stays; neither name nor id is no request", async () => {
  const { id } = broker.parts.cluster.image.topics.get("words")!;
  const byName = await ask(DeleteTopicsApi, 5, { topicNames: ["words", "words", "none"], timeoutMs: 100 });
  expect(byName.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ["words", ErrorCode.INVALID_REQUEST],
    ["none", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  ]);
  const topics = [{ name: "words", topicId: UUID_ZERO }, { topicId: id }, { topicId: UUID_ZERO }];
  const byBoth = await ask(DeleteTopicsApi, 6, { topics, timeoutMs: 100 });
  expect(byBoth.responses.map(({ errorCode }) => errorCode)).toEqual([
    ErrorCode.INVALID_REQUEST,
    ErrorCode.INVALID_REQUEST,
  ]);
  expect(broker.parts.cluster.image.topics.has("words")).toBe(true);
});

test("Metadata: a topic that is named again and again is answered once, and its id goes before its name", async () => {
  const { id } = broker.parts.cluster.image.topics.get("words")!;
  const named = Array.from({ length: 100 }, () => ({ name: "words" }));
  expect((await ask(MetadataApi, 9, { topics: named })).topics).toHaveLength(1);
  const { topics } = await ask(MetadataApi, 12, {
    topics: [{ name: "none", topicId: id }],
    allowAutoTopicCreation: false,
  });
  expect(topics).toMatchObject([{ errorCode: ErrorCode.NONE, name: "words", topicId: id }]);
});

test("settings of lags that contradict each other are refused, also one after the other", async () => {
  const lags = (least: string, most: string) => [
    { name: "min.compaction.lag.ms", value: least },
    { name: "max.compaction.lag.ms", value: most },
  ];
  const spec = { name: "lagging", numPartitions: 1, replicationFactor: 1, assignments: [] };
  const create = async (least: string, most: string) =>
    (await ask(CreateTopicsApi, 5, { topics: [{ ...spec, configs: lags(least, most) }] })).topics[0]!.errorCode;
  expect(await create("10", "5")).toBe(ErrorCode.INVALID_CONFIG);
  expect(await create("5", "10")).toBe(ErrorCode.NONE);
  const configs = [{ name: "min.compaction.lag.ms", configOperation: SET, value: "11" }];
  const resources = [{ resourceType: TOPIC, resourceName: "lagging", configs }];
  const { responses } = await ask(IncrementalAlterConfigsApi, 1, { resources, validateOnly: false });
  expect(responses[0]!.errorCode).toBe(ErrorCode.INVALID_CONFIG);
});

test("settings are changed for one topic at a time: not for none, for a name that none can have, or for one twice", async () => {
  const change = async (...resourceNames: string[]) => {
    const configs = [{ name: "retention.ms", configOperation: SET, value: "1" }];
    const resources = resourceNames.map((resourceName) => ({ resourceType: TOPIC, resourceName, configs }));
    const { responses } = await ask(IncrementalAlterConfigsApi, 1, { resources, validateOnly: false });
    return responses.map(({ errorCode }) => errorCode);
  };
  expect(await change("", "a b")).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_TOPIC_EXCEPTION]);
  expect(await change("words", "words")).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST]);
  expect(broker.parts.cluster.image.topicConfigs.has("words")).toBe(false);
});

test("DescribeConfigs: an empty list of names means all of them, and a name that no topic can have is told", async () => {
  const describe = async (resourceName: string, configurationKeys: string[] | null) => {
    const resources = [{ resourceType: TOPIC, resourceName, configurationKeys }];
    return (await ask(DescribeConfigsApi, 4, { resources })).results[0]!;
  };
  expect((await describe("words", [])).configs).toEqual((await describe("words", null)).configs);
  expect((await describe("a b", null)).errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
});

test("coordinators and endpoints of a kind that there is not are refused as such", async () => {
  const coordinator = async (keyType: number) =>
    (await ask(FindCoordinatorApi, 4, { keyType, coordinatorKeys: ["a"] })).coordinators[0]!.errorCode;
  expect(await coordinator(1)).toBe(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  expect(await coordinator(9)).toBe(ErrorCode.INVALID_REQUEST);
  const endpoint = async (endpointType: number) =>
    (await ask(DescribeClusterApi, 1, { includeClusterAuthorizedOperations: false, endpointType })).errorCode;
  expect(await endpoint(2)).toBe(ErrorCode.MISMATCHED_ENDPOINT_TYPE);
  expect(await endpoint(3)).toBe(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE);
});

test("OffsetDelete: a partition that does not exist, and a group without a name, are told", async () => {
  const group = await groupWithOffset();
  const remove = async (groupId: string, name: string, partitionIndex: number) =>
    ask(OffsetDeleteApi, 0, { groupId, topics: [{ name, partitions: [{ partitionIndex }] }] });
  const errorOf = async (name: string, index: number) =>
    (await remove(group, name, index)).topics[0]!.partitions[0]!.errorCode;
  expect(await errorOf("words", 7)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect(await errorOf("none", 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect(await errorOf("words", 0)).toBe(ErrorCode.NONE);
  expect((await remove("", "words", 0)).errorCode).toBe(ErrorCode.INVALID_GROUP_ID);
});

test("KIP-848: from v9 on a commit for a generation of a group that nobody knows says that", async () => {
  await groupWithOffset();
  const commit = async (version: number) => {
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }];
    const draft = {
      groupId: "nobody",
      generationIdOrMemberEpoch: 3,
      memberId: "",
      topics: [{ name: "words", partitions }],
    };
    return (await ask(OffsetCommitApi, version, draft)).topics[0]!.partitions[0]!.errorCode;
  };
  expect([await commit(8), await commit(9)]).toEqual([ErrorCode.ILLEGAL_GENERATION, ErrorCode.GROUP_ID_NOT_FOUND]);
});

async function groupWithOffset(): Promise<string> {
  await broker.passing(broker.parts.groups.find("g"));
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }];
  const { topics } = await ask(OffsetCommitApi, 7, {
    groupId: "g",
    memberId: "",
    topics: [{ name: "words", partitions }],
  });
  expect(topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
  return "g";
}
