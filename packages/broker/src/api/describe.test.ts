import { buildBatch, ErrorCode } from "@odradek/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { LoneBroker } from "../testing/lone-broker.ts";
import { describe as logDirs } from "./describe-log-dirs.ts";
import { describe as producers } from "./describe-producers.ts";
import { describe as topicPartitions } from "./describe-topic-partitions.ts";

let broker: LoneBroker;
beforeEach(async () => {
  broker = await LoneBroker.start();
});

const idempotent = (baseSequence: number): Buffer =>
  buildBatch({
    records: [{ key: null, value: Buffer.from("x") }],
    timestamp: 1_700_000_000_000,
    producer: { id: 42, epoch: 3, baseSequence },
  });

const write = (topic: string, batch: Buffer) =>
  broker.passing(broker.partition(topic).append(batch, { acks: 1, timeoutMs: 100, origin: "client" }));

test("DescribeLogDirs: the sizes of the replicas asked for, or of all", async () => {
  await broker.topic("a", 2);
  await broker.topic("b");
  await write("b", idempotent(0));
  const of = async (topics: { topic: string; partitions: number[] }[] | null) => {
    const { results } = await logDirs(broker.parts, { topics });
    expect(results.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.NONE]);
    return results[0]!.topics.map(({ name, partitions }) => [name, partitions.map((one) => one.partitionIndex)]);
  };
  expect(await of(null)).toEqual([
    ["a", [0, 1]],
    ["b", [0]],
  ]);
  expect(await of([{ topic: "a", partitions: [1, 7] }])).toEqual([["a", [1]]]);
  expect(await of([{ topic: "nope", partitions: [0] }])).toEqual([]);
  const all = await logDirs(broker.parts, { topics: [{ topic: "b", partitions: [0] }] });
  expect(all.results[0]!.topics[0]!.partitions[0]).toMatchObject({
    partitionSize: broker.partition("b").size,
    offsetLag: 0,
  });
  expect(broker.partition("b").size).toBeGreaterThan(60);
});

test("DescribeProducers: what the partition remembers of each producer", async () => {
  await broker.topic("a");
  await write("a", idempotent(0));
  await write("a", idempotent(1));
  const answer = await producers(broker.parts, { topics: [{ name: "a", partitionIndexes: [0, 5] }] });
  expect(answer.topics[0]!.partitions).toEqual([
    {
      partitionIndex: 0,
      errorCode: ErrorCode.NONE,
      activeProducers: [
        {
          producerId: 42,
          producerEpoch: 3,
          lastSequence: 1,
          lastTimestamp: 1_700_000_000_000,
          coordinatorEpoch: -1,
          currentTxnStartOffset: -1,
        },
      ],
    },
    { partitionIndex: 5, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, activeProducers: [] },
  ]);
});

describe("DescribeTopicPartitions", () => {
  type Cursor = { topicName: string; partitionIndex: number };
  const page = async (names: string[], responsePartitionLimit: number, cursor: Cursor | null = null) => {
    const topics = names.map((name) => ({ name }));
    const answer = await topicPartitions(broker.parts, { topics, responsePartitionLimit, cursor }, broker.scope(0));
    return {
      shown: answer.topics.map(({ name, errorCode, partitions }) => [
        name,
        errorCode,
        partitions.map((one) => one.partitionIndex),
      ]),
      next: answer.nextCursor ?? null,
    };
  };

  test("topics come sorted, in pages that a cursor strings together", async () => {
    await broker.topic("b", 3);
    await broker.topic("a", 2);
    const first = await page([], 2);
    expect(first).toEqual({ shown: [["a", 0, [0, 1]]], next: { topicName: "b", partitionIndex: 0 } });
    const second = await page([], 2, first.next);
    expect(second).toEqual({ shown: [["b", 0, [0, 1]]], next: { topicName: "b", partitionIndex: 2 } });
    expect(await page([], 2, second.next)).toEqual({ shown: [["b", 0, [2]]], next: null });
    expect(await page(["b", "a"], 9999)).toEqual({
      shown: [
        ["a", 0, [0, 1]],
        ["b", 0, [0, 1, 2]],
      ],
      next: null,
    });
  });

  test("KIP-966: eligible replicas, and those of whom nobody is sure any more, stand beside the ISR", async () => {
    await broker.topic("a");
    const node = { replicas: [1, 2, 3], leader: 1, leaderEpoch: 1, isr: [1], eligible: [2], lastKnownEligible: [3] };
    await broker.parts.cluster.session.set("/topics/a/partitions/0", Buffer.from(JSON.stringify(node)), "any");
    await broker.clock.advance(10);
    const request = { topics: [{ name: "a" }], responsePartitionLimit: 10, cursor: null };
    const answer = await topicPartitions(broker.parts, request, broker.scope(0));
    expect(answer.topics[0]!.partitions[0]).toMatchObject({ eligibleLeaderReplicas: [2], lastKnownElr: [3] });
  });

  test("a topic that does not exist, and a cursor that makes no sense, are told", async () => {
    await broker.topic("a");
    expect(await page(["nope"], 10)).toEqual({
      shown: [["nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, []]],
      next: null,
    });
    const invalid = { shown: [["a", ErrorCode.INVALID_REQUEST, []]], next: null };
    expect(await page(["a"], 10, { topicName: "b", partitionIndex: 0 })).toEqual(invalid);
    expect(await page(["a"], 10, { topicName: "a", partitionIndex: -1 })).toEqual(invalid);
  });
});
