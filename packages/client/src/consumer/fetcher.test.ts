import {
  buildBatch,
  ErrorCode,
  FetchApi,
  type FetchRequest,
  ListOffsetsApi,
  type ResponseDraft,
  UUID_ZERO,
} from "@odradek/protocol";
import { eventually } from "@odradek/kit/testing";
import { test } from "vitest";
import { FakeBroker, HANG_UP } from "../testing/fake-broker.ts";
import { FakeCluster, FIRST_ID, SECOND_ID } from "../testing/fake-cluster.ts";
import { Consumer } from "./consumer.ts";

type PartitionDraft = ResponseDraft<typeof FetchApi>["responses"][number]["partitions"][number];
type Asked = FetchRequest["topics"][number]["partitions"][number];

const NOTHING = { partitionIndex: 0, errorCode: 0, highWatermark: 0, abortedTransactions: null, records: null };
const place = { topic: "t", partition: 0 };

const batchAt = (baseOffset: number, value: string, leaderEpoch = 1): Buffer => {
  const bytes = buildBatch({ records: [{ key: null, value: Buffer.from(value) }] });
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt32BE(leaderEpoch, 12);
  return bytes;
};

/** Answers fetches outside sessions: one record at each offset below `end`, else what `otherwise` says, else nothing. */
function serve(
  broker: FakeBroker,
  end: number,
  otherwise: (asked: Asked, rackId: string) => Partial<PartitionDraft> | null = () => null,
): void {
  broker.on(ListOffsetsApi, () => ({
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, errorCode: 0, offset: 0, timestamp: -1 }] }],
  }));
  broker.on(FetchApi, async ({ topics: [topic], maxWaitMs, rackId }) => {
    const asked = topic!.partitions[0]!;
    const said = otherwise(asked, rackId);
    const records =
      said === null && asked.fetchOffset < end ? batchAt(asked.fetchOffset, `v${asked.fetchOffset}`) : null;
    if (said === null && records === null) await new Promise((resolve) => setTimeout(resolve, maxWaitMs));
    return {
      sessionId: 0,
      responses: [{ topic: topic!.topic, topicId: topic!.topicId, partitions: [{ ...NOTHING, records, ...said }] }],
      nodeEndpoints: endpoints.map((port, at) => ({ nodeId: at + 1, host: "127.0.0.1", port })),
    };
  });
}

let endpoints: number[] = [];

/** Reads until `count` records have come. */
async function values(consumer: Consumer, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const batch = await consumer.next({ timeoutMs: 10_000 });
    if (batch === null) throw new Error(`only ${found.join()} came`);
    found.push(...batch.records.map(({ value }) => value!.toString()));
  }
  return found;
}

async function started(count: number, options: Parameters<typeof FakeCluster.start>[1] = {}): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(count, options);
  endpoints = cluster.brokers.map(({ port }) => port);
  return cluster;
}

/** A consumer that would not come back by itself: what it does, it does because it was told. */
function reader(cluster: FakeCluster, options: object = {}): { consumer: Consumer; troubles: string[] } {
  const troubles: string[] = [];
  const consumer = new Consumer({
    bootstrap: cluster.bootstrap,
    autoOffsetReset: "earliest",
    maxWaitMs: 20,
    retryBackoffMs: 60_000,
    retryBackoffMsMax: 60_000,
    onTrouble: ({ message }) => void troubles.push(message),
    ...options,
  });
  consumer.assign([{ ...place, offset: 0 }]);
  return { consumer, troubles };
}

test("KIP-516: topics go by their ids; a broker that does not know that gets names", async ({ expect }) => {
  for (const [newest, wanted] of [
    [18, { topic: "", topicId: FIRST_ID }],
    [12, { topic: "t", topicId: UUID_ZERO }],
  ] as const) {
    await using cluster = await started(1, { versions: new Map([[FetchApi.key, [4, newest]]]) });
    serve(cluster.broker(1), 2);
    const { consumer } = reader(cluster);
    expect(await values(consumer, 2)).toEqual(["v0", "v1"]);
    expect(cluster.broker(1).requests(FetchApi)[0]!.topics[0]).toMatchObject(wanted);
    await consumer.close();
  }
});

test("K-02: a topic deleted and created anew is read from its beginning, and the reader is told", async ({
  expect,
}) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 3);
  const { consumer, troubles } = reader(cluster);
  expect(await values(consumer, 3)).toEqual(["v0", "v1", "v2"]);
  cluster.topicId = SECOND_ID;
  cluster.broker(1).on(FetchApi, ({ topics: [topic] }) => {
    const isOld = topic!.topicId === FIRST_ID;
    const { fetchOffset } = topic!.partitions[0]!;
    const found = isOld
      ? { errorCode: ErrorCode.UNKNOWN_TOPIC_ID }
      : { records: batchAt(fetchOffset, `new${fetchOffset}`) };
    return { responses: [{ topicId: topic!.topicId, partitions: [{ ...NOTHING, ...found }] }] };
  });
  expect(await values(consumer, 1)).toEqual(["new0"]);
  expect(troubles.at(-1)).toBe(
    "t-0: UNKNOWN_TOPIC_ID (the topic has been deleted and created anew: reading goes on at the earliest offset)",
  );
  await consumer.close();
});

test("K-02: without a policy the reader gets an error when its topic is another", async ({ expect }) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 1);
  const { consumer } = reader(cluster, { autoOffsetReset: "none" });
  await values(consumer, 1);
  cluster.topicId = SECOND_ID;
  serve(cluster.broker(1), 0, () => ({ errorCode: ErrorCode.UNKNOWN_TOPIC_ID }));
  await expect(consumer.next({ timeoutMs: 10_000 })).rejects.toThrow(
    'UNKNOWN_TOPIC_ID (the topic has been deleted and created anew, and autoOffsetReset is "none")',
  );
  await consumer.close();
});

test("KIP-951: the leader that an error names is asked at once, without a question to anybody", async ({ expect }) => {
  await using cluster = await started(2);
  serve(cluster.broker(2), 2);
  serve(cluster.broker(1), 0, () => ({
    errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    currentLeader: { leaderId: 2, leaderEpoch: 2 },
  }));
  const { consumer } = reader(cluster);
  expect(await values(consumer, 2)).toEqual(["v0", "v1"]);
  expect(cluster.metadataCount).toBe(1);
  expect(cluster.broker(2).requests(FetchApi)[0]!.topics[0]!.partitions[0]!.currentLeaderEpoch).toBe(2);
  await consumer.close();
});

test("without a word the leader is looked for until there is one, long before the next attempt is due", async ({
  expect,
}) => {
  await using cluster = await started(2);
  serve(cluster.broker(1), 0, () => ({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }));
  serve(cluster.broker(2), 1);
  cluster.onMetadata = () => {
    if (cluster.metadataCount === 4) Object.assign(cluster, { leader: 2, leaderEpoch: 2 });
  };
  const { consumer } = reader(cluster);
  expect(await values(consumer, 1)).toEqual(["v0"]);
  expect(cluster.broker(1).requests(FetchApi)).toHaveLength(1);
  await consumer.close();
});

test("KIP-392: a consumer says its rack, reads where the leader sends it, and comes back when that fails", async ({
  expect,
}) => {
  await using cluster = await started(2);
  serve(cluster.broker(1), 5, ({ fetchOffset }) => (fetchOffset < 2 ? { preferredReadReplica: 2 } : null));
  serve(cluster.broker(2), 2, ({ fetchOffset }) =>
    fetchOffset < 2 ? null : { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE },
  );
  const { consumer, troubles } = reader(cluster, { rack: "west", retryBackoffMs: 1 });
  expect(await values(consumer, 5)).toEqual(["v0", "v1", "v2", "v3", "v4"]);
  const racksSaid = (id: number) =>
    cluster
      .broker(id)
      .requests(FetchApi)
      .map(({ rackId }) => rackId);
  expect([racksSaid(1).slice(0, 2), racksSaid(2)]).toEqual([
    ["west", ""],
    ["west", "west", "west"],
  ]);
  const offsetsOf = (id: number) =>
    cluster
      .broker(id)
      .requests(FetchApi)
      .map(({ topics }) => topics[0]!.partitions[0]!.fetchOffset);
  expect([offsetsOf(1).slice(0, 4), offsetsOf(2)]).toEqual([
    [0, 2, 3, 4],
    [0, 1, 2],
  ]);
  expect(troubles).toEqual(["t-0: OFFSET_OUT_OF_RANGE"]);
  await consumer.close();
});

test("KIP-392: a follower that the leader names for ever and that can't be reached leads back to the leader", async ({
  expect,
}) => {
  await using cluster = await started(2);
  serve(cluster.broker(1), 3, (_, rackId) => (rackId === "west" ? { preferredReadReplica: 2 } : null));
  cluster.broker(2).on(FetchApi, () => HANG_UP);
  const { consumer } = reader(cluster, { rack: "west", retryBackoffMs: 1 });
  expect(await values(consumer, 3)).toEqual(["v0", "v1", "v2"]);
  expect(cluster.broker(2).requests(FetchApi)).toHaveLength(1);
  await consumer.close();
});

test("KIP-392: a follower of which nobody knows where it is keeps no record from the reader", async ({ expect }) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 1, (_, rackId) => (rackId === "west" ? { preferredReadReplica: 9 } : null));
  const { consumer } = reader(cluster, { rack: "west", retryBackoffMs: 1 });
  expect(await values(consumer, 1)).toEqual(["v0"]);
  await consumer.close();
});

test("KIP-392: a while after a follower has failed the leader is asked again for one", async ({ expect }) => {
  await using cluster = await started(2);
  serve(cluster.broker(1), 0, (_, rackId) => (rackId === "west" ? { preferredReadReplica: 2 } : null));
  const follower = cluster.broker(2);
  follower.on(FetchApi, () => HANG_UP);
  const { consumer } = reader(cluster, { rack: "west", retryBackoffMs: 1, metadataAgeMsMax: 100 });
  await eventually("a failure", () => follower.requests(FetchApi).length > 0);
  serve(follower, 1);
  expect(await values(consumer, 1)).toEqual(["v0"]);
  await consumer.close();
});

test("KIP-392: what a follower misses is not cut off: only the leader's log counts", async ({ expect }) => {
  await using cluster = await started(2);
  serve(cluster.broker(1), 3, ({ fetchOffset }) => (fetchOffset === 1 ? { preferredReadReplica: 2 } : null));
  serve(cluster.broker(2), 2, ({ fetchOffset }) =>
    fetchOffset === 2 ? { divergingEpoch: { epoch: 0, endOffset: 0 } } : null,
  );
  const { consumer } = reader(cluster, { retryBackoffMs: 1 });
  expect(await values(consumer, 3)).toEqual(["v0", "v1", "v2"]);
  await consumer.close();
});

test("KIP-320: what has been cut off the log is noticed by its epoch, and reading goes on where it was cut", async ({
  expect,
}) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 4);
  const { consumer, troubles } = reader(cluster);
  await values(consumer, 4);
  cluster.leaderEpoch = 2;
  const cut = { epoch: 1, endOffset: 2 };
  serve(cluster.broker(1), 4, ({ fetchOffset }) => (fetchOffset > cut.endOffset ? { divergingEpoch: cut } : null));
  expect(await values(consumer, 1)).toEqual(["v2"]);
  expect(troubles).toEqual(["t-0: OFFSET_OUT_OF_RANGE (what was read from offset 2 to 4 has been cut off the log)"]);
  const epochs = cluster
    .broker(1)
    .requests(FetchApi)
    .map(({ topics }) => topics[0]!.partitions[0]!.lastFetchedEpoch);
  expect(epochs.slice(0, 3)).toEqual([-1, 1, 1]);
  await consumer.close();
});

test("KIP-320: without a policy the reader gets an error when its records have been cut off", async ({ expect }) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 1, ({ fetchOffset }) =>
    fetchOffset > 0 ? { divergingEpoch: { epoch: 0, endOffset: 0 } } : null,
  );
  const { consumer } = reader(cluster, { autoOffsetReset: "none" });
  await values(consumer, 1);
  await expect(consumer.next({ timeoutMs: 10_000 })).rejects.toThrow(
    "what was read from offset 0 to 1 has been cut off",
  );
  await consumer.close();
});

test("closing is no trouble, and a consumer that has nothing to read says so", async ({ expect }) => {
  await using cluster = await started(1);
  serve(cluster.broker(1), 0);
  const { consumer, troubles } = reader(cluster, { maxWaitMs: 10_000 });
  await eventually("a fetch that waits", () => cluster.broker(1).requests(FetchApi).length === 1);
  await consumer.close();
  expect(troubles).toEqual([]);
  const idle = new Consumer({ bootstrap: cluster.bootstrap });
  await expect(idle.next()).rejects.toThrow("subscribe to topics or assign partitions first");
  await idle.close();
});

test("KIP-227: in a session only changes are said, and closing ends it", async ({ expect }) => {
  await using cluster = await started(1);
  const broker = cluster.broker(1);
  serve(broker, 0);
  broker.on(FetchApi, async ({ sessionId, sessionEpoch, topics, maxWaitMs }) => {
    if (sessionEpoch > 2) await new Promise((resolve) => setTimeout(resolve, maxWaitMs));
    const { fetchOffset } = topics[0]?.partitions[0] ?? { fetchOffset: 9 };
    const isNews = sessionEpoch === 0 || sessionEpoch === 2;
    const partitions = [{ ...NOTHING, records: isNews ? batchAt(fetchOffset, `v${fetchOffset}`) : null }];
    return { sessionId: 7, responses: sessionId === 0 || isNews ? [{ topicId: FIRST_ID, partitions }] : [] };
  });
  const { consumer } = reader(cluster);
  expect(await values(consumer, 2)).toEqual(["v0", "v9"]);
  await consumer.close();
  const said = broker
    .requests(FetchApi)
    .map(({ sessionId, sessionEpoch, topics }) => [sessionId, sessionEpoch, topics.length]);
  expect(said.slice(0, 3)).toEqual([
    [0, 0, 1],
    [7, 1, 1],
    [7, 2, 0],
  ]);
  expect(said.at(-1)).toEqual([7, -1, 0]);
});

test("KIP-227: a broker that refuses the session of a whole request, too, is asked again with back-off", async ({
  expect,
}) => {
  await using cluster = await started(1);
  const broker = cluster.broker(1);
  const refused = { errorCode: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR, sessionId: 0, responses: [] };
  broker.on(FetchApi, ({ topics: [topic] }) => {
    if (broker.requests(FetchApi).length > 1) return refused;
    const partitions = [{ ...NOTHING, records: batchAt(0, "v0") }];
    return { sessionId: 7, responses: [{ topicId: topic!.topicId, partitions }] };
  });
  const { consumer, troubles } = reader(cluster);
  expect(await values(consumer, 1)).toEqual(["v0"]);
  await eventually("a trouble", () => troubles.length > 0);
  expect(troubles).toEqual(["fetch: FETCH_SESSION_TOPIC_ID_ERROR"]);
  expect(broker.requests(FetchApi).map(({ sessionEpoch }) => sessionEpoch)).toEqual([0, 1, 0]);
  await consumer.close();
});

test("a damaged batch keeps back nothing that came for other partitions", async ({ expect }) => {
  await using broker = await FakeBroker.start({ partitions: 2 });
  const damaged = batchAt(0, "damaged");
  damaged.writeUInt8(damaged.at(-1)! ^ 1, damaged.length - 1);
  broker.on(FetchApi, ({ topics: [topic] }) => {
    const { topic: name, topicId, partitions } = topic!;
    const found = partitions.map(({ partition, fetchOffset }) => ({
      ...{ ...NOTHING, partitionIndex: partition },
      records: partition === 0 ? damaged : batchAt(fetchOffset, `v${fetchOffset}`),
    }));
    return { responses: [{ topic: name, topicId, partitions: found }] };
  });
  const troubles: string[] = [];
  const onTrouble = ({ message }: Error) => void troubles.push(message);
  const consumer = new Consumer({
    bootstrap: broker.bootstrap,
    onTrouble,
    retryBackoffMs: 60_000,
    retryBackoffMsMax: 60_000,
  });
  consumer.assign([0, 1].map((partition) => ({ topic: "t", partition, offset: 0 })));
  expect(await values(consumer, 2)).toEqual(["v0", "v1"]);
  expect(troubles).toEqual(["t-0: CORRUPT_MESSAGE (the checksum of the batch at 0 does not match)"]);
  await consumer.close();
});
