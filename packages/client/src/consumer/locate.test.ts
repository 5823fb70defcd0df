import { buildBatch, FetchApi, ListOffsetsApi, MetadataApi } from "@odradek/protocol";
import { test } from "vitest";
import { FakeBroker } from "../testing/fake-broker.ts";
import { Consumer } from "./consumer.ts";

test("a partition without a leader keeps none from being located, and is when it has one", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  let leaderOf0 = -1;
  broker.on(MetadataApi, () => {
    const replicas = { errorCode: 0, replicaNodes: [broker.id], isrNodes: [broker.id] };
    const leaders = [leaderOf0, broker.id];
    const partitions = leaders.map((leaderId, partitionIndex) => ({ partitionIndex, leaderId, ...replicas }));
    return {
      brokers: [{ nodeId: broker.id, host: "127.0.0.1", port: broker.port }],
      controllerId: broker.id,
      topics: [{ errorCode: 0, name: "t", partitions }],
    };
  });
  broker.on(ListOffsetsApi, ({ topics: [topic] }) => {
    const found = { errorCode: 0, offset: 0, timestamp: -1 };
    const partitions = topic!.partitions.map(({ partitionIndex }) => ({ partitionIndex, ...found }));
    return { topics: [{ name: "t", partitions }] };
  });
  const records = buildBatch({ records: [{ key: null, value: Buffer.from("v") }] });
  broker.on(FetchApi, async ({ topics: [topic], maxWaitMs }) => {
    const isNews = topic!.partitions.some(({ fetchOffset }) => fetchOffset === 0);
    if (!isNews) await new Promise((resolve) => setTimeout(resolve, maxWaitMs));
    const found = { errorCode: 0, highWatermark: 1, abortedTransactions: null, records };
    const partitions = topic!.partitions.map(({ partition: partitionIndex }) => ({ partitionIndex, ...found }));
    return { responses: [{ topic: "t", partitions }] };
  });
  // It would not come back by itself within the test's time.
  const backoff = { retryBackoffMs: 60_000, retryBackoffMsMax: 60_000 };
  const { bootstrap } = broker;
  const consumer = new Consumer({ bootstrap, autoOffsetReset: "earliest", maxWaitMs: 20, ...backoff });
  const read = async () => (await consumer.next({ timeoutMs: 10_000 }))?.partition;
  consumer.assign([{ topic: "t", partition: 1 }]);
  expect(await read()).toBe(1);
  consumer.assign([0, 1].map((partition) => ({ topic: "t", partition })));
  expect(await read()).toBe(1);
  leaderOf0 = broker.id;
  expect(await read()).toBe(0);
  await consumer.close();
});
