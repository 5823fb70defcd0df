import { startCluster } from "@odradek/testkit";
import { test } from "vitest";
import { createConsumer, createProducer } from "../index.ts";

test("a member that has been in its group outlasts an outage of the whole cluster, however long", async ({
  expect,
}) => {
  await using cluster = await startCluster({ brokers: 1, topics: { t: 1 } });
  const { bootstrap } = cluster;
  const times = { operationTimeoutMs: 100, heartbeatIntervalMs: 50, sessionTimeoutMs: 200 };
  await using consumer = createConsumer({ bootstrap, groupId: "g", autoOffsetReset: "earliest", ...times });
  consumer.subscribe(["t"]);
  const write = async (value: string): Promise<void> => {
    await using producer = createProducer({ bootstrap });
    await producer.send({ topic: "t", messages: [{ value }] });
  };
  const read = async (): Promise<string[]> =>
    ((await consumer.next({ timeoutMs: 10_000 }))?.records ?? []).map(({ value }) => String(value));
  await write("a");
  expect(await read()).toEqual(["a"]);
  cluster.broker(1).kill();
  // Long enough to be thrown out of the group, and for whoever has never been in it to give up.
  expect(await consumer.next({ timeoutMs: 1_000 })).toBeNull();
  await cluster.broker(1).start();
  await write("b");
  expect(await read()).toContain("b");
});
