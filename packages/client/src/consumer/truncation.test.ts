import { startCluster } from "@odradek/testkit";
import { test } from "vitest";
import { createConsumer, createProducer } from "../index.ts";

// Kafka would do the same, but only a cluster in this process can be brought to it.
test("KIP-320: after an unclean election the reader goes on at the cut, and is told what it has read in vain", async ({
  expect,
}) => {
  const configs = { "min.insync.replicas": "1", "unclean.leader.election.enable": "true" };
  await using cluster = await startCluster({ brokers: 2, topics: { t: { configs } } });
  const { bootstrap } = cluster;
  const troubles: string[] = [];
  await using producer = createProducer({ bootstrap });
  await using consumer = createConsumer({ bootstrap, onTrouble: ({ message }) => void troubles.push(message) });
  consumer.assign([{ topic: "t", partition: 0, offset: "earliest" }]);
  const seen: string[] = [];
  const write = async (...values: string[]) => {
    await producer.send({ topic: "t", messages: values.map((value) => ({ value })) });
    const count = seen.length + values.length;
    while (seen.length < count)
      seen.push(...((await consumer.next())?.records ?? []).map(({ value }) => String(value)));
  };
  await write("a", "b");
  const first = await cluster.leaderOf("t");
  const second = cluster.brokers.find((broker) => broker !== first)!;
  second.kill();
  await write("lost 1", "lost 2");
  first.kill();
  await second.start();
  await write("c", "d", "e");
  expect(seen).toEqual(["a", "b", "lost 1", "lost 2", "c", "d", "e"]);
  expect(troubles).toContain("t-0: OFFSET_OUT_OF_RANGE (what was read from offset 2 to 4 has been cut off the log)");
  await first.start();
  await write("f");
  expect((await cluster.records("t")).map(({ value }) => value)).toEqual(["a", "b", "c", "d", "e", "f"]);
});
