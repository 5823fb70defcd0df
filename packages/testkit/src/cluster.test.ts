import { spawnSync } from "node:child_process";
import { createAdmin, createConsumer, createProducer } from "@odradek/client";
import { eventually } from "@odradek/kit/testing";
import { Kafka, logLevel } from "kafkajs";
import { expect, test } from "vitest";
import { startCluster } from "./index.ts";

const send = async (bootstrap: string, topic: string, values: readonly string[]): Promise<void> => {
  await using producer = createProducer({ bootstrap });
  for (const value of values) await producer.send({ topic, messages: [{ value, partition: 0 }] });
};

const oneTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const valuesOf = (records: readonly { value: string | null }[]): (string | null)[] => records.map(({ value }) => value);

test("what is acknowledged survives the death of its leader, and the broker that comes back", async () => {
  await using cluster = await startCluster({ topics: { orders: 3 } });
  await send(cluster.bootstrap, "orders", ["a", "b"]);
  const leader = await cluster.leaderOf("orders");
  leader.kill();
  expect([leader.isRunning, cluster.addresses.length]).toEqual([false, 3]);
  expect(await cluster.leaderOf("orders")).not.toBe(leader);
  await send(cluster.bootstrap, "orders", ["c"]);
  const { address } = leader;
  await leader.start();
  expect([leader.isRunning, leader.address]).toEqual([true, address]);
  for (const broker of cluster.brokers) if (broker !== leader) await broker.stop();
  expect(valuesOf(await cluster.records("orders"))).toEqual(["a", "b", "c"]);
});

test("records come with all they have", async () => {
  await using cluster = await startCluster({ brokers: 1, topics: { t: { configs: { "retention.ms": "-1" } } } });
  await using producer = createProducer({ bootstrap: cluster.bootstrap });
  const timestamp = 1_700_000_000_000;
  await producer.send({
    topic: "t",
    messages: [{ key: "k", value: null, headers: { h: "1", none: null }, timestamp }],
  });
  expect(await cluster.records("t")).toEqual([
    { partition: 0, offset: 0, timestamp, key: "k", value: null, headers: { h: "1", none: null } },
  ]);
});

test("a group reads on where it was when its coordinator is killed", async () => {
  await using cluster = await startCluster({ topics: { t: 1 } });
  await using consumer = createConsumer({
    ...{ bootstrap: cluster.bootstrap, groupId: "g", autoOffsetReset: "earliest" },
    ...{ heartbeatIntervalMs: 100, sessionTimeoutMs: 3_000 },
  });
  consumer.subscribe(["t"]);
  const seen: (string | null)[] = [];
  const read = async (count: number) => {
    while (seen.length < count)
      seen.push(...((await consumer.next())?.records ?? []).map(({ value }) => String(value)));
  };
  await send(cluster.bootstrap, "t", ["a"]);
  await read(1);
  for (const broker of cluster.brokers) {
    broker.kill();
    await send(cluster.bootstrap, "t", [`without ${broker.id}`]);
    await read(seen.length + 1);
    await broker.start();
  }
  expect(seen).toEqual(["a", "without 1", "without 2", "without 3"]);
});

test("what is sent to a leader that is cut off is taken by whoever replaces it, whom it follows when it is back", async () => {
  await using cluster = await startCluster({ topics: { t: 1 }, settings: { "odradek.session.timeout.ms": 2000 } });
  await send(cluster.bootstrap, "t", ["a"]);
  const leader = await cluster.leaderOf("t");
  leader.cutOff();
  await send(cluster.bootstrap, "t", ["b"]);
  expect(await cluster.leaderOf("t")).not.toBe(leader);
  leader.reconnect();
  await send(cluster.bootstrap, "t", ["c"]);
  await eventually("it is in sync again", async () => {
    await using admin = createAdmin({ bootstrap: cluster.bootstrap });
    return (await admin.describeTopics(["t"]))[0]!.partitions[0]!.inSyncReplicas.includes(leader.id);
  });
  expect([leader.isRunning, valuesOf(await cluster.records("t"))]).toEqual([true, ["a", "b", "c"]]);
});

test("a broker that is killed while it starts, at whatever moment, is down, and starts again with its log", async () => {
  await using cluster = await startCluster({ topics: { t: 1 } });
  await send(cluster.bootstrap, "t", ["a"]);
  const broker = await cluster.leaderOf("t");
  broker.kill();
  for (let ticks = 0; ticks < 60; ticks++) {
    const starting = broker.start();
    for (let tick = 0; tick < ticks; tick++) await oneTick();
    broker.kill();
    await starting;
    expect(broker.isRunning).toBe(false);
  }
  await broker.start();
  for (const other of cluster.brokers) if (other !== broker) await other.stop();
  expect([broker.isRunning, valuesOf(await cluster.records("t"))]).toEqual([true, ["a"]]);
});

test("who leads is somebody who runs, and is waited for", async () => {
  await using cluster = await startCluster({ topics: { t: { replicationFactor: 1 } } });
  const leader = await cluster.leaderOf("t");
  leader.kill();
  const isRunning = cluster.leaderOf("t").then((found) => found === leader && found.isRunning);
  await leader.start();
  expect(await isRunning).toBe(true);
});

test("kill ends a stop under way, and a start waits for one", async () => {
  await using cluster = await startCluster({ topics: { t: 3 } });
  const broker = cluster.broker(1);
  const killed = broker.stop();
  broker.kill();
  await broker.start();
  await killed;
  expect(broker.isRunning).toBe(true);
  const stopping = broker.stop();
  expect(broker.isRunning).toBe(false);
  await Promise.all([broker.start(), stopping]);
  expect(broker.isRunning).toBe(true);
});

test("a broker that does not find the coordination store is down, and starts when it does", async () => {
  await using cluster = await startCluster({ settings: { "odradek.connect.timeout.ms": 200 } });
  const broker = cluster.broker(1);
  broker.kill();
  broker.cutOff();
  await expect(broker.start()).rejects.toThrow();
  expect(broker.isRunning).toBe(false);
  broker.reconnect();
  await broker.start();
  expect(broker.isRunning).toBe(true);
});

test("clusters stand side by side, and kafkajs works against them", async () => {
  await using one = await startCluster({ brokers: 1, topics: { t: 1 } });
  await using other = await startCluster({ brokers: 1, topics: { t: 1 } });
  for (const [cluster, value] of [
    [one, "one"],
    [other, "other"],
  ] as const) {
    const producer = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic: "t", messages: [{ value }] });
    await producer.disconnect();
  }
  expect([valuesOf(await one.records("t")), valuesOf(await other.records("t"))]).toEqual([["one"], ["other"]]);
});

const endings = {
  "running, killed and stopped": `
    cluster.broker(1).kill();
    await cluster.broker(2).stop();
  `,
  starting: `
    cluster.broker(1).kill();
    const begun = cluster.broker(1).start();
  `,
  "stopping, and to be started again": `
    const begun = [cluster.broker(1).stop(), cluster.broker(1).start()];
  `,
};

test.for(Object.entries(endings))("a process that has closed its cluster ends by itself: brokers %s", ([, scene]) => {
  const program = `
    import { startCluster } from "@odradek/testkit";
    const cluster = await startCluster({ topics: { t: 3 } });
    ${scene}
    await cluster.close();
    if (typeof begun !== "undefined") await begun;
    console.log("closed", process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout)/.test(name)).join());
  `;
  const args = ["--input-type=module-typescript", "-e", program];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: "utf8" });
  expect([stdout, status]).toEqual(["closed \n", 0]);
});

test("what cannot be is refused by name", async () => {
  await expect(startCluster({ brokers: 0 })).rejects.toThrow("brokers: 1 to 20, not 0");
  await expect(startCluster({ racks: ["a"] })).rejects.toThrow("racks: one for each of 3 brokers, not 1");
  await expect(startCluster({ settings: { "no.such.setting": 1 } })).rejects.toThrow(/no\.such\.setting/);
  await expect(startCluster({ settings: { "num.partitions": "many" } })).rejects.toThrow(/num\.partitions/);
  await using cluster = await startCluster({ brokers: 1 });
  expect(() => cluster.broker(2)).toThrow("there is no broker 2");
  await expect(cluster.createTopics({ "a/b": 1 })).rejects.toMatchObject({ codeName: "INVALID_TOPIC_EXCEPTION" });
  await expect(cluster.leaderOf("t")).rejects.toMatchObject({ codeName: "UNKNOWN_TOPIC_OR_PARTITION" });
});
