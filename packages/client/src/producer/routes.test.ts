import {
  Batch,
  ErrorCode,
  InitProducerIdApi,
  ProduceApi,
  type ProduceRequest,
  type ResponseDraft,
  UUID_ZERO,
} from "@odradek/protocol";
import { test } from "vitest";
import { type FakeBroker, HANG_UP } from "../testing/fake-broker.ts";
import { FakeCluster, FIRST_ID, SECOND_ID } from "../testing/fake-cluster.ts";
import { Producer } from "./producer.ts";

type PartDraft = ResponseDraft<typeof ProduceApi>["responses"][number]["partitionResponses"][number];

/** Answers every batch with what `answer` says, else at offset 0. */
function takes(
  cluster: FakeCluster,
  id: number,
  answer: (request: ProduceRequest) => Partial<PartDraft> | typeof HANG_UP = () => ({}),
): void {
  const endpoints = cluster.brokers.map(({ id: nodeId, port }) => ({ nodeId, host: "127.0.0.1", port }));
  cluster.broker(id).on(ProduceApi, (request) => {
    const said = answer(request);
    const { name, topicId } = request.topicData[0]!;
    const part = { index: 0, errorCode: 0, baseOffset: 0 };
    if (said === HANG_UP) return HANG_UP;
    return { responses: [{ name, topicId, partitionResponses: [{ ...part, ...said }] }], nodeEndpoints: endpoints };
  });
}

async function started(count: number, options: Parameters<typeof FakeCluster.start>[1] = {}): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(count, options);
  let id = 100;
  for (const broker of cluster.brokers)
    broker.on(InitProducerIdApi, () => ({ errorCode: 0, producerId: id++, producerEpoch: 0 }));
  return cluster;
}

/** A producer that would not try again within the test's time: when it does, it was told where. */
const writer = (cluster: FakeCluster): Producer =>
  new Producer({ bootstrap: cluster.bootstrap, retryBackoffMs: 60_000, retryBackoffMsMax: 60_000, lingerMs: 0 });

const send = (producer: Producer, value = "v") => producer.send({ topic: "t", messages: [{ value, partition: 0 }] });

const identities = (broker: FakeBroker): number[][] =>
  broker.requests(ProduceApi).map(({ topicData }) => {
    const { producerId, baseSequence } = new Batch(topicData[0]!.partitionData[0]!.records!);
    return [producerId, baseSequence];
  });

test("KIP-516: topics go by their ids; a broker that does not know that gets names", async ({ expect }) => {
  for (const [newest, wanted] of [
    [13, { name: "", topicId: FIRST_ID }],
    [12, { name: "t", topicId: UUID_ZERO }],
  ] as const) {
    await using cluster = await started(1, { versions: new Map([[ProduceApi.key, [3, newest]]]) });
    takes(cluster, 1, () => ({ baseOffset: 7 }));
    await using producer = writer(cluster);
    expect(await send(producer)).toEqual([{ topic: "t", partition: 0, offset: 7 }]);
    expect(cluster.broker(1).requests(ProduceApi)[0]!.topicData[0]).toMatchObject(wanted);
  }
});

test("KIP-951: the leader that an error names gets the batch at once, without a question to anybody", async ({
  expect,
}) => {
  await using cluster = await started(2);
  const currentLeader = { leaderId: 2, leaderEpoch: 2 };
  takes(cluster, 1, () => ({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader }));
  takes(cluster, 2);
  await using producer = writer(cluster);
  await send(producer);
  await send(producer);
  expect([cluster.metadataCount, ...identities(cluster.broker(2))]).toEqual([1, [100, 0], [100, 1]]);
});

test("a dead leader's successor gets the batch as soon as anybody knows it, long before the next attempt is due", async ({
  expect,
}) => {
  await using cluster = await started(2);
  takes(cluster, 1, () => HANG_UP);
  takes(cluster, 2);
  cluster.onMetadata = () => {
    if (cluster.metadataCount === 4) Object.assign(cluster, { leader: 2, leaderEpoch: 2 });
  };
  await using producer = writer(cluster);
  await send(producer);
  expect([cluster.broker(1).requests(ProduceApi).length, ...identities(cluster.broker(2))]).toEqual([1, [100, 0]]);
});

test("a leader that is cut off still names itself, but whom it refuses asks the others, and finds its successor", async ({
  expect,
}) => {
  await using cluster = await started(3);
  Object.assign(cluster, { cutOff: 1, leader: 2, leaderEpoch: 2 });
  takes(cluster, 1, () => ({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }));
  takes(cluster, 2);
  // Nobody but the one that is cut off has answered before: not even for a producer id.
  const options = { bootstrap: cluster.broker(1).bootstrap, isIdempotent: false, retryBackoffMs: 60_000, lingerMs: 0 };
  await using producer = new Producer(options);
  await send(producer);
  expect(cluster.brokers.map((broker) => broker.requests(ProduceApi).length)).toEqual([1, 1, 0]);
});

test("a broker that has no producer id to give is not asked again before the others", async ({ expect }) => {
  await using cluster = await started(3);
  const asked: number[] = [];
  for (const { id } of cluster.brokers)
    cluster.broker(id).on(InitProducerIdApi, () => {
      asked.push(id);
      const errorCode = id === asked[0] ? ErrorCode.COORDINATOR_NOT_AVAILABLE : 0;
      return { errorCode, producerId: 100, producerEpoch: 0 };
    });
  takes(cluster, 1);
  await using producer = new Producer({ bootstrap: cluster.bootstrap, retryBackoffMs: 1, lingerMs: 0 });
  await send(producer);
  expect(asked.length).toBe(2);
});

test("K-02: a topic deleted and created anew gets the batch under an identity it has never seen", async ({
  expect,
}) => {
  await using cluster = await started(1);
  takes(cluster, 1, ({ topicData }) => ({
    errorCode: topicData[0]!.topicId === cluster.topicId ? 0 : ErrorCode.UNKNOWN_TOPIC_ID,
  }));
  await using producer = writer(cluster);
  await send(producer);
  cluster.topicId = SECOND_ID;
  await send(producer);
  await send(producer);
  expect(identities(cluster.broker(1))).toEqual([
    [100, 0],
    [100, 1],
    [101, 0],
    [101, 1],
  ]);
});
