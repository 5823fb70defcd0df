import { eventually } from "@odradek/kit/testing";
import {
  Batch,
  ErrorCode,
  InitProducerIdApi,
  MetadataApi,
  partitionOfKey,
  ProduceApi,
  type ProduceRequest,
  readBatch,
  type ResponseDraft,
} from "@odradek/protocol";
import { test } from "vitest";
import { DeadlineError, KafkaError } from "../errors.ts";
import { FakeBroker, HANG_UP, SILENCE } from "../testing/fake-broker.ts";
import { Producer } from "./producer.ts";

type Answer = { errorCode: number; baseOffset?: number };

const answered = (
  request: ProduceRequest,
  answer: (topic: string, index: number) => Answer | null,
): ResponseDraft<typeof ProduceApi> => ({
  responses: request.topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.flatMap(({ index }) => {
      const said = answer(name, index);
      return said === null ? [] : [{ index, baseOffset: 0, ...said }];
    }),
  })),
});

/** The batches of all requests so far, in order. */
const batchesOf = (broker: FakeBroker): { partition: number; batch: Batch; values: string[] }[] =>
  broker.requests(ProduceApi).flatMap(({ topicData }) =>
    topicData.flatMap(({ partitionData }) =>
      partitionData.map(({ index, records }) => {
        const batch = new Batch(records!);
        return { partition: index, batch, values: readBatch(batch).map(({ value }) => value!.toString()) };
      }),
    ),
  );

/** A broker that gives out producer ids 100, 101, … and answers produce requests in turn, the last answer for ever. */
async function brokerThat(...answers: readonly (Answer | typeof HANG_UP | typeof SILENCE)[]): Promise<FakeBroker> {
  const broker = await FakeBroker.start({ partitions: 3 });
  let id = 100;
  broker.on(InitProducerIdApi, () => ({ errorCode: 0, producerId: id++, producerEpoch: 0 }));
  let turn = 0;
  broker.on(ProduceApi, (request) => {
    const answer = answers[Math.min(turn++, answers.length - 1)]!;
    return typeof answer === "symbol" ? answer : answered(request, () => answer);
  });
  return broker;
}

const one = (value: string, partition = 0): { topic: string; messages: { value: string; partition: number }[] } => ({
  topic: "t",
  messages: [{ value, partition }],
});

test("messages of one call go into one batch per partition and come back with their offsets", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0, baseOffset: 40 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  const messages = ["a", "b", "c", "d"].map((value, i) => ({ value, partition: i % 2 }));
  expect(await producer.send({ topic: "t", messages })).toEqual([
    { topic: "t", partition: 0, offset: 40 },
    { topic: "t", partition: 1, offset: 40 },
    { topic: "t", partition: 0, offset: 41 },
    { topic: "t", partition: 1, offset: 41 },
  ]);
  expect(batchesOf(broker).map(({ values }) => values)).toEqual([
    ["a", "c"],
    ["b", "d"],
  ]);
});

test("keys go where Kafka's own producers put them; keyless records stay together", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
  const places = await producer.send({ topic: "t", messages: keys.map((key) => ({ key, value: "v" })) });
  expect(places.map(({ partition }) => partition)).toEqual(keys.map((key) => partitionOfKey(Buffer.from(key), 3)));
  const keyless = await producer.send({ topic: "t", messages: keys.map((value) => ({ value })) });
  expect(new Set(keyless.map(({ partition }) => partition)).size).toBe(1);
});

test("a batch that fails is repeated byte for byte before the next one of its partition leaves", async ({ expect }) => {
  await using broker = await brokerThat(
    { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER },
    HANG_UP,
    { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS },
    { errorCode: 0 },
  );
  await using producer = new Producer({ bootstrap: broker.bootstrap, lingerMs: 0 });
  const first = producer.send(one("first"));
  await eventually("the first attempt", () => batchesOf(broker).length > 0);
  await Promise.all([first, producer.send(one("second")), producer.send(one("third"))]);
  const batches = batchesOf(broker);
  expect(batches.map(({ values }) => values)).toEqual([
    ["first"],
    ["first"],
    ["first"],
    ["first"],
    ["second", "third"],
  ]);
  for (const { batch } of batches.slice(1, 4)) expect(batch.slice.equals(batches[0]!.batch.slice)).toBe(true);
  expect(batches.map(({ batch }) => [batch.producerId, batch.baseSequence])).toEqual([
    [100, 0],
    [100, 0],
    [100, 0],
    [100, 0],
    [100, 1],
  ]);
});

test("a repeat the broker has already is a success", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: ErrorCode.DUPLICATE_SEQUENCE_NUMBER, baseOffset: -1 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  expect(await producer.send(one("a"))).toEqual([{ topic: "t", partition: 0, offset: -1 }]);
});

test("a broker that lost our place gets the batch again under an identity the partition never used", async ({
  expect,
}) => {
  await using broker = await brokerThat(
    { errorCode: 0 },
    { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER },
    { errorCode: 0 },
  );
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  for (const value of ["a", "b", "c"]) await producer.send(one(value));
  expect(batchesOf(broker).map(({ values, batch }) => [values[0], batch.producerId, batch.baseSequence])).toEqual([
    ["a", 100, 0],
    ["b", 100, 1],
    ["b", 101, 0],
    ["c", 101, 1],
  ]);
});

test("a batch given up takes its identity with it, for its partition only", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  const fails = new Set<number>();
  broker.on(ProduceApi, (request) =>
    answered(request, (_, index) => ({ errorCode: fails.has(index) ? ErrorCode.NOT_ENOUGH_REPLICAS : 0 })),
  );
  await using producer = new Producer({ bootstrap: broker.bootstrap, deliveryTimeoutMs: 300 });
  await producer.send(one("a", 0));
  await producer.send(one("a", 1));
  fails.add(0);
  const lost = producer.send(one("b", 0));
  await expect(lost).rejects.toBeInstanceOf(DeadlineError);
  await expect(lost).rejects.toThrow(/NOT_ENOUGH_REPLICAS/);
  fails.clear();
  await producer.send(one("c", 0));
  await producer.send(one("c", 1));
  const [of0, of1] = batchesOf(broker)
    .slice(-2)
    .map(({ batch }) => [batch.producerId, batch.baseSequence]);
  expect(of0).toEqual([101, 0]);
  expect(of1).toEqual([100, 1]);
});

test("an error that no retry mends fails the batch at once, and the next one goes through", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: ErrorCode.MESSAGE_TOO_LARGE }, { errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  await expect(producer.send(one("large"))).rejects.toMatchObject({
    name: "KafkaError",
    codeName: "MESSAGE_TOO_LARGE",
    what: "t-0",
  });
  await producer.send(one("small"));
});

/** A broker that takes batches of at most `bytesMax`, and refuses what does not continue the sequence. */
async function brokerThatTakes(bytesMax: number): Promise<FakeBroker> {
  const broker = await brokerThat({ errorCode: 0 });
  const next = new Map<string, number>();
  let end = 0;
  broker.on(ProduceApi, (request) => {
    const batch = new Batch(request.topicData[0]!.partitionData[0]!.records!);
    if (batch.slice.length > bytesMax) return answered(request, () => ({ errorCode: ErrorCode.MESSAGE_TOO_LARGE }));
    const producer = `${batch.producerId}`;
    if (batch.baseSequence !== (next.get(producer) ?? 0))
      return answered(request, () => ({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER }));
    next.set(producer, batch.baseSequence + batch.recordsCount);
    const baseOffset = end;
    end += batch.recordsCount;
    return answered(request, () => ({ errorCode: 0, baseOffset }));
  });
  return broker;
}

test("a refusal is certain unless an earlier attempt may have been written", async ({ expect }) => {
  const refused = { errorCode: ErrorCode.INVALID_TIMESTAMP };
  await using strict = await brokerThat({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS }, refused);
  await using first = new Producer({ bootstrap: strict.bootstrap });
  await expect(first.send(one("a"))).rejects.toMatchObject({ codeName: "INVALID_TIMESTAMP", isRefused: true });
  await using vague = await brokerThat(HANG_UP, refused);
  await using second = new Producer({ bootstrap: vague.bootstrap });
  await expect(second.send(one("a"))).rejects.toMatchObject({ codeName: "INVALID_TIMESTAMP", isRefused: false });
});

test("a batch too large for the topic is halved until it fits; order, offsets and sequence numbers hold", async ({
  expect,
}) => {
  await using broker = await brokerThatTakes(2_000);
  await using producer = new Producer({ bootstrap: broker.bootstrap, lingerMs: 60_000 });
  const values = Array.from({ length: 23 }, (_, at) => `${at}:${"x".repeat(400)}`);
  const sent = producer.send({ topic: "t", messages: values.map((value) => ({ value, partition: 0 })) });
  await producer.flush();
  expect((await sent).map(({ offset }) => offset)).toEqual(values.map((_, at) => at));
  const taken = batchesOf(broker).filter(({ batch }) => batch.slice.length <= 2_000);
  expect(taken.flatMap((each) => each.values)).toEqual(values);
  expect(new Set(taken.map(({ batch }) => batch.producerId))).toEqual(new Set([100]));
  const next = producer.send(one("next"));
  await producer.flush();
  expect((await next)[0]!.offset).toBe(23);
  expect(batchesOf(broker).at(-1)!.batch.baseSequence).toBe(23);
});

test("one record too large fails alone, with its size, and those around it go through in order", async ({ expect }) => {
  await using broker = await brokerThatTakes(2_000);
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  const sizes = [10, 20, 5_000, 30, 40];
  const sends = sizes.map((size) => producer.send(one("x".repeat(size))));
  const outcomes = await Promise.allSettled(sends);
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
  ]);
  await expect(sends[2]).rejects.toThrow(/MESSAGE_TOO_LARGE.*one record of about 5\d\d\d bytes.*max\.message\.bytes/);
  const taken = batchesOf(broker).filter(({ batch }) => batch.slice.length <= 2_000);
  expect(taken.flatMap(({ values }) => values.map((value) => value.length))).toEqual([10, 20, 30, 40]);
});

test("sequences count records, not batches", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  for (const count of [3, 2, 1])
    await producer.send({ topic: "t", messages: Array.from({ length: count }, () => ({ value: "v", partition: 0 })) });
  expect(batchesOf(broker).map(({ batch }) => batch.baseSequence)).toEqual([0, 3, 5]);
});

test("batches keep to their size, and a record larger than that goes alone", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap, batchBytesMax: 1_000 });
  const sizes = [300, 300, 300, 300, 5_000, 10];
  await producer.send({ topic: "t", messages: sizes.map((size) => ({ value: "x".repeat(size), partition: 0 })) });
  expect(batchesOf(broker).map(({ values }) => values.map((value) => value.length))).toEqual([
    [300, 300],
    [300, 300],
    [5_000],
    [10],
  ]);
});

test("send waits while the buffer is full", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  broker.on(ProduceApi, async (request) => {
    await opened;
    return answered(request, () => ({ errorCode: 0 }));
  });
  await using producer = new Producer({ bootstrap: broker.bootstrap, bufferBytesMax: 10_000, batchBytesMax: 1_000 });
  const sends = Array.from({ length: 40 }, (_, i) =>
    producer.send({ topic: "t", messages: [{ value: "x".repeat(900), partition: i % 3 }] }),
  );
  await eventually("the first requests", () => batchesOf(broker).length > 0);
  open();
  await Promise.all(sends);
  expect(batchesOf(broker)).toHaveLength(40);
});

test("acks 0 sends without identity and waits for no answer", async ({ expect }) => {
  await using broker = await brokerThat(SILENCE);
  await using producer = new Producer({ bootstrap: broker.bootstrap, acks: 0 });
  expect(await producer.send(one("a"))).toEqual([{ topic: "t", partition: 0, offset: -1 }]);
  await eventually("the request", () => broker.requests(ProduceApi).length === 1);
  expect(broker.requests(ProduceApi)[0]).toMatchObject({ acks: 0 });
  expect(batchesOf(broker)[0]!.batch.producerId).toBe(-1);
});

test("close sends what lingers, and a closed producer sends no more", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  const producer = new Producer({ bootstrap: broker.bootstrap, lingerMs: 60_000 });
  const sent = producer.send(one("a"));
  await producer.flush();
  await sent;
  const lingering = producer.send(one("b"));
  await producer.close();
  await lingering;
  await expect(producer.send(one("c"))).rejects.toThrow(/closed/);
});

test("close with a time limit gives up what nobody acknowledges", async ({ expect }) => {
  await using broker = await brokerThat(SILENCE);
  const producer = new Producer({ bootstrap: broker.bootstrap, lingerMs: 0, bufferBytesMax: 100 });
  const sends = ["a", "b"].map((value) => producer.send(one(value.repeat(100))));
  await eventually("the request", () => broker.requests(ProduceApi).length === 1);
  await Promise.all([producer.close({ timeoutMs: 50 }), producer.close()]);
  const outcomes = await Promise.allSettled(sends);
  expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.message)).toEqual([
    "t-0: not acknowledged when the producer was closed",
    "this producer is closed",
  ]);
});

test("what is no text and no bytes is refused before anything of its call is sent", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  const messages = [{ value: "a" }, { value: 5 as never }];
  await expect(producer.send({ topic: "t", messages })).rejects.toThrow(/strings, Buffers or null, not of type number/);
  await producer.flush();
  expect(batchesOf(broker)).toEqual([]);
});

test("options that TypeScript would refuse are refused", ({ expect }) => {
  const create = (options: object) => () => new Producer({ bootstrap: "h:1", ...options });
  expect(create({ acks: -1 })).toThrow('acks: "all", 1 or 0, not -1');
  expect(create({ compression: "brotli" })).toThrow("compression: none, gzip, snappy, lz4, zstd, not brotli");
  expect(create({ acks: 1, isIdempotent: true })).toThrow('an idempotent producer needs acks "all"');
});

test("a partition that is missing in an answer fails alone, and the others count", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  broker.on(ProduceApi, async (request) => {
    await opened;
    return answered(request, (_, index) => (index === 1 ? null : { errorCode: 0 }));
  });
  await using producer = new Producer({ bootstrap: broker.bootstrap, lingerMs: 0 });
  const first = Promise.allSettled([0, 1, 2].map((partition) => producer.send(one("a", partition))));
  await eventually("the request", () => broker.requests(ProduceApi).length > 0);
  // Behind the first batch of partition 0 waits another, behind that of partition 2 none.
  const second = producer.send(one("b", 0));
  open();
  await second;
  expect(await first).toMatchObject([
    { status: "fulfilled" },
    { reason: { message: "t-1: UNKNOWN_SERVER_ERROR (missing in the answer)" } },
    { status: "fulfilled" },
  ]);
});

test("a partition that does not exist is an error", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  await expect(producer.send(one("a", 9))).rejects.toBeInstanceOf(KafkaError);
});

test("calls that wait for a new topic are queued in the order they were made", async ({ expect }) => {
  await using broker = await brokerThat({ errorCode: 0 });
  const node = { nodeId: broker.id, host: "127.0.0.1", port: broker.port };
  let asked = 0;
  broker.on(MetadataApi, ({ topics }) => ({
    brokers: [node],
    controllerId: node.nodeId,
    topics: (topics ?? []).map(({ name }) => ({
      errorCode: asked++ < 3 ? ErrorCode.LEADER_NOT_AVAILABLE : 0,
      name,
      partitions: [
        {
          errorCode: 0,
          partitionIndex: 0,
          leaderId: node.nodeId,
          replicaNodes: [node.nodeId],
          isrNodes: [node.nodeId],
        },
      ],
    })),
  }));
  await using producer = new Producer({ bootstrap: broker.bootstrap });
  const values = Array.from({ length: 50 }, (_, at) => String(at));
  await Promise.all(values.map((value) => producer.send(one(value))));
  expect(batchesOf(broker).flatMap((batch) => batch.values)).toEqual(values);
});

test("a broker that falls silent is left as soon as the others have given it up, long before the request's deadline", async ({
  expect,
}) => {
  await using paused = await brokerThat(SILENCE);
  await using other = await FakeBroker.start({ id: 2 });
  other.on(ProduceApi, (request) => answered(request, () => ({ errorCode: 0, baseOffset: 7 })));
  other.on(InitProducerIdApi, () => ({ errorCode: 0, producerId: 1, producerEpoch: 0 }));
  const partitionOf = ({ id }: FakeBroker) => ({
    ...{ errorCode: 0, partitionIndex: 0, leaderId: id, leaderEpoch: id },
    ...{ replicaNodes: [1, 2], isrNodes: [id] },
  });
  const metadataOf = (brokers: readonly FakeBroker[], leader: FakeBroker): ResponseDraft<typeof MetadataApi> => ({
    brokers: brokers.map(({ id, port }) => ({ nodeId: id, host: "127.0.0.1", port })),
    controllerId: other.id,
    topics: [{ errorCode: 0, name: "t", partitions: [partitionOf(leader)] }],
  });
  paused.on(MetadataApi, () => metadataOf([paused, other], paused));
  other.on(MetadataApi, () => metadataOf([other], other));
  await using producer = new Producer({ bootstrap: paused.bootstrap, requestTimeoutMs: 60_000 });
  expect(await producer.send(one("a"))).toEqual([{ topic: "t", partition: 0, offset: 7 }]);
  // The silent one was not asked about itself.
  expect(paused.requests(MetadataApi)).toHaveLength(1);
});
