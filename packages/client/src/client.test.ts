import { beforeAll, describe, test } from "vitest";
import { eventually } from "@odradek/kit/testing";
import { createAdmin, createProducer } from "./index.ts";
import { testBootstrap } from "./testing/bootstrap.ts";
import { fill, newTopic, range, reader, take, unique } from "./testing/records.ts";

let bootstrap: string;
beforeAll(async () => {
  bootstrap = await testBootstrap();
}, 60_000);

describe("producer and consumer", () => {
  test.for(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
    "%s: keys, values, headers and times come back as sent",
    async (compression, { expect }) => {
      const topic = await newTopic(bootstrap, 1);
      await using producer = createProducer({ bootstrap, compression });
      const timestamp = Date.now() - 5_000;
      const messages = [
        { key: "k", value: "v".repeat(10_000), headers: { a: "1", b: Buffer.from([0, 255]), c: null }, timestamp },
        { key: null, value: Buffer.from([1, 2, 3]), timestamp: timestamp + 1 },
        { value: null, timestamp: timestamp + 2 },
      ];
      const places = await producer.send({ topic, messages });
      expect(places.map(({ offset }) => offset)).toEqual([0, 1, 2]);
      await using consumer = reader(bootstrap);
      consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
      const batch = await consumer.next({ timeoutMs: 10_000 });
      expect(batch?.records).toEqual([
        {
          offset: 0,
          timestamp,
          key: Buffer.from("k"),
          value: Buffer.from("v".repeat(10_000)),
          headers: [
            { key: "a", value: Buffer.from("1") },
            { key: "b", value: Buffer.from([0, 255]) },
            { key: "c", value: null },
          ],
        },
        { offset: 1, timestamp: timestamp + 1, key: null, value: Buffer.from([1, 2, 3]), headers: [] },
        { offset: 2, timestamp: timestamp + 2, key: null, value: null, headers: [] },
      ]);
      expect([batch?.nextOffset, consumer.position({ topic, partition: 0 })]).toEqual([3, 3]);
    },
  );

  test("what is sent one by one from many places keeps its order per partition", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 3);
    await using producer = createProducer({ bootstrap, lingerMs: 1, batchBytesMax: 2_000 });
    await Promise.all(
      range(3_000).map((i) => producer.send({ topic, messages: [{ value: String(i), partition: i % 3 }] })),
    );
    await using consumer = reader(bootstrap);
    consumer.assign(range(3).map((partition) => ({ topic, partition, offset: "earliest" })));
    const values = (await take(consumer, 3_000)).map(Number);
    for (const partition of range(3)) {
      expect(values.filter((value) => value % 3 === partition)).toEqual(range(1_000).map((i) => i * 3 + partition));
    }
  });

  test.for([1, 0] as const)("acks %d", async (acks, { expect }) => {
    const topic = await newTopic(bootstrap, 1);
    await fill(bootstrap, topic, ["ready"]); // without an answer, what a leader gets before it knows that it leads is lost
    await using producer = createProducer({ bootstrap, acks });
    await producer.send({ topic, messages: [{ value: "a" }, { value: "b" }] });
    await using consumer = reader(bootstrap);
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, 3)).toEqual(["ready", "a", "b"]);
  });

  test("a topic is created on first use where the cluster allows it", async ({ expect }) => {
    const topic = unique("first-use");
    await fill(bootstrap, topic, ["a"]);
    await using consumer = reader(bootstrap);
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, 1)).toEqual(["a"]);
  });

  test("a record above the topic's limit is refused by name", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1, { "max.message.bytes": "2000" });
    await using producer = createProducer({ bootstrap });
    await expect(producer.send({ topic, messages: [{ value: "x".repeat(5_000) }] })).rejects.toMatchObject({
      codeName: "MESSAGE_TOO_LARGE",
    });
    await producer.send({ topic, messages: [{ value: "x" }] });
  });

  test("a batch above the topic's limit arrives in pieces, in order", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1, { "max.message.bytes": "2000" });
    await using producer = createProducer({ bootstrap });
    const values = Array.from({ length: 40 }, (_, at) => `${at}:${"x".repeat(300)}`);
    const places = await producer.send({ topic, messages: values.map((value) => ({ value })) });
    expect(places.map(({ offset }) => offset)).toEqual(values.map((_, at) => at));
    await using consumer = reader(bootstrap);
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    expect(await take(consumer, values.length)).toEqual(values);
  });

  test("reading begins at an offset, a time, the end, and goes where seek says", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    await using producer = createProducer({ bootstrap });
    const start = Date.now() - 100_000;
    await producer.send({
      topic,
      messages: range(10).map((i) => ({ value: String(i), timestamp: start + i * 1_000 })),
    });
    const partition = { topic, partition: 0 };
    await using consumer = reader(bootstrap);
    consumer.assign([{ ...partition, offset: 7 }]);
    expect(await take(consumer, 3)).toEqual(["7", "8", "9"]);
    consumer.seek(partition, 4);
    expect((await take(consumer, 6))[0]).toBe("4");
    consumer.assign([{ ...partition, offset: { timestamp: start + 2_500 } }]);
    expect((await take(consumer, 7))[0]).toBe("3");
    consumer.assign([{ ...partition, offset: "latest" }]);
    expect(await consumer.next({ timeoutMs: 300 })).toBeNull();
    expect(consumer.position(partition)).toBe(10);
    await producer.send({ topic, messages: [{ value: "new" }] });
    expect(await take(consumer, 1)).toEqual(["new"]);
  });

  test("an offset that is gone is replaced by the policy, or reported without one", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    await fill(bootstrap, topic, ["a", "b"]);
    await using earliest = reader(bootstrap);
    earliest.assign([{ topic, partition: 0, offset: 500 }]);
    expect(await take(earliest, 2)).toEqual(["a", "b"]);
    await using strict = reader(bootstrap, { autoOffsetReset: "none" });
    strict.assign([{ topic, partition: 0, offset: 500 }]);
    await expect(strict.next({ timeoutMs: 10_000 })).rejects.toMatchObject({ codeName: "OFFSET_OUT_OF_RANGE" });
  });

  test("K-02: under a reader and a writer a topic is deleted and created anew", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    const troubles: string[] = [];
    await using producer = createProducer({ bootstrap });
    await using consumer = reader(bootstrap, { onTrouble: ({ message }) => void troubles.push(message) });
    consumer.assign([{ topic, partition: 0, offset: "earliest" }]);
    for (const value of ["a", "b"]) await producer.send({ topic, messages: [{ value }] });
    expect(await take(consumer, 2)).toEqual(["a", "b"]);
    await using admin = createAdmin({ bootstrap });
    await admin.deleteTopics([topic]);
    await eventually("it is there again", () =>
      admin.createTopics([{ name: topic, partitionCount: 1 }]).then(
        () => true,
        () => false, // Kafka may not be done with the old one
      ),
    );
    const places = [];
    for (const value of ["c", "d"]) places.push(...(await producer.send({ topic, messages: [{ value }] })));
    expect(places.map(({ offset }) => offset)).toEqual([0, 1]);
    expect(await take(consumer, 2)).toEqual(["c", "d"]);
    expect(troubles.join()).toContain("the topic has been deleted and created anew");
  });

  test("closing ends an iteration that waits", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    const consumer = reader(bootstrap);
    consumer.assign([{ topic, partition: 0, offset: "latest" }]);
    const reading = (async () => {
      let count = 0;
      for await (const batch of consumer) count += batch.records.length;
      return count;
    })();
    await eventually("a position", () => consumer.position({ topic, partition: 0 }) !== null);
    await consumer.close();
    expect(await reading).toBe(0);
  });
});

describe("groups", () => {
  test("a member goes on where the one before it committed", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 2);
    const groupId = unique("group");
    await fill(bootstrap, topic, ["a", "b", "c"], 0);
    {
      await using first = reader(bootstrap, { groupId, isAutoCommit: false });
      first.subscribe([topic]);
      expect(await take(first, 3)).toEqual(["a", "b", "c"]);
      await first.commit([{ topic, partition: 0, offset: 2 }]);
    }
    await using second = reader(bootstrap, { groupId, isAutoCommit: false });
    second.subscribe([topic]);
    expect(await take(second, 1)).toEqual(["c"]);
    await second.commit();
    await using admin = createAdmin({ bootstrap });
    expect(await admin.fetchOffsets(groupId, [{ topic, partition: 0 }])).toMatchObject([{ offset: 3 }]);
  });

  test("closing commits what has been handed out and leaves the group", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    const groupId = unique("group");
    await fill(bootstrap, topic, ["a", "b"]);
    {
      await using consumer = reader(bootstrap, { groupId });
      consumer.subscribe([topic]);
      await take(consumer, 2);
    }
    await using admin = createAdmin({ bootstrap });
    expect(await admin.fetchOffsets(groupId)).toMatchObject([{ topic, partition: 0, offset: 2 }]);
    expect(await admin.describeGroups([groupId])).toMatchObject([{ state: "Empty", members: [] }]);
  });

  test.for(["range", "roundrobin"] as const)(
    "%s: members share the partitions, and take over from one that leaves",
    async (assignor, { expect }) => {
      const topic = await newTopic(bootstrap, 4);
      const groupId = unique("group");
      const members = range(3).map(() => reader(bootstrap, { groupId, assignors: [assignor] }));
      const seen: string[] = [];
      const loops = members.map(async (consumer) => {
        consumer.subscribe([topic]);
        for await (const batch of consumer) for (const record of batch.records) seen.push(record.value!.toString());
      });
      const shares = (): number[] => members.map((consumer) => consumer.assignment().length).toSorted((a, b) => a - b);
      await eventually("everybody has a share", () => shares().join() === "1,1,2", 20_000);
      await fill(bootstrap, topic, range(200).map(String));
      await eventually("all records are seen", () => seen.length >= 200);
      await members[0]!.close();
      await eventually(
        "the others share",
        () => members.slice(1).every((consumer) => consumer.assignment().length === 2),
        20_000,
      );
      await fill(
        bootstrap,
        topic,
        range(200).map((i) => String(200 + i)),
      );
      await eventually("all new records are seen", () => new Set(seen).size >= 400);
      expect(seen.length).toBe(400);
      await Promise.all(members.map((consumer) => consumer.close()));
      await Promise.all(loops);
    },
  );

  test("partitions added to a topic are dealt out", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 1);
    await using consumer = reader(bootstrap, { groupId: unique("group") });
    consumer.subscribe([topic]);
    await eventually(
      "one partition",
      async () => (await consumer.next({ timeoutMs: 200 })) === null && consumer.assignment().length === 1,
    );
    await using admin = createAdmin({ bootstrap });
    await admin.createPartitions([{ topic, partitionCount: 3 }]);
    await eventually(
      "three partitions",
      async () => (await consumer.next({ timeoutMs: 200 })) === null && consumer.assignment().length === 3,
      20_000,
    );
    await fill(bootstrap, topic, ["x"], 2);
    expect(await take(consumer, 1)).toEqual(["x"]);
  });

  test("a topic that is not there is told of, and read as soon as it is", async ({ expect }) => {
    const topic = unique("later");
    const troubles: string[] = [];
    await using admin = createAdmin({ bootstrap });
    await using consumer = reader(bootstrap, {
      groupId: unique("group"),
      onTrouble: ({ message }) => void troubles.push(message),
    });
    // A name that no cluster creates by itself.
    consumer.subscribe([`${topic}/`, topic]);
    expect(await consumer.next({ timeoutMs: 500 })).toBeNull();
    expect(troubles.join()).toContain(`topic ${topic}/: `);
    await admin.createTopics([{ name: topic, partitionCount: 1 }]).catch(() => undefined);
    await fill(bootstrap, topic, ["a"]);
    expect(await take(consumer, 1)).toEqual(["a"]);
  });

  test("a static member finds its partitions again without a rebalance", async ({ expect }) => {
    const topic = await newTopic(bootstrap, 2);
    const groupId = unique("group");
    const options = { groupId, groupInstanceId: "static-1" };
    await fill(bootstrap, topic, ["a"], 0);
    const first = reader(bootstrap, options);
    first.subscribe([topic]);
    await take(first, 1);
    await first.close();
    await using again = reader(bootstrap, options);
    again.subscribe([topic]);
    await fill(bootstrap, topic, ["b"], 0);
    expect(await take(again, 1)).toEqual(["b"]);
    expect(again.assignment()).toHaveLength(2);
  });
});
