import { type Logger, type RpcStream, silentLogger } from "@odradek/kit";
import { batchesIn, buildBatch, ErrorCode, readBatch } from "@odradek/protocol";
import { expect, onTestFinished, test, vi } from "vitest";

import type { TopicConfig } from "../config.ts";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";
import { type Attach, type Data, follow, type FollowerMessage, type LeaderMessage } from "./messages.ts";

const topicId = Buffer.alloc(16, 7);

/** A leader on its own and a follower that does only what the test says. */
async function leaderAndFollower(
  options: {
    logger?: Logger;
    topicConfig?: Partial<TopicConfig>;
    before?: (at: ReplicatedTopic) => Promise<void>;
  } = {},
) {
  const at = await ReplicatedTopic.start({ brokers: [1], ...options });
  await options.before?.(at);
  at.move([1, 9]);
  const client = at.network.rpc("b9").client("b1:9");
  onTestFinished(() => client.close());
  const stream: RpcStream<FollowerMessage, LeaderMessage> = client.open(follow);
  const data: Data[] = [];
  const answers: string[] = [];
  stream.onMessage = (message) => {
    data.push(...(message.data ?? []));
    answers.push(...(message.answers ?? []).map(({ attachId, outcome }) => `${attachId} ${outcome}`));
  };
  const attach = (attachId: number, change: Partial<Attach> = {}): boolean =>
    stream.send({ attaches: [{ attachId, topicId, partition: 0, leaderEpoch: 1, lastEpoch: -1, end: 0, ...change }] });
  const bytes = (): number => data.reduce((sum, { records }) => sum + records.length, 0);
  return { at, stream, data, answers, attach, bytes };
}

const hello = { broker: 9, incarnation: "9", leader: 1 };
const block = "x".repeat(500_000);

test("a follower that acknowledges nothing gets so much and no more; each acknowledgement makes room", async () => {
  const { at, stream, data, attach, bytes } = await leaderAndFollower();
  for (let i = 0; i < 40; i++) await at.appended(1, [block]);
  stream.send({ hello });
  attach(1);
  await at.pass(1000);
  const sent = bytes();
  expect(sent).toBeGreaterThanOrEqual(8 * 1024 * 1024);
  expect(sent).toBeLessThan(9 * 1024 * 1024);
  stream.send({ acknowledgements: [{ attachId: 1, end: 4, start: 0 }] });
  await at.pass(1000);
  expect(bytes() - sent).toBeGreaterThan(4 * 400_000);
  expect(bytes() - sent).toBeLessThan(5 * 520_000);
  const offsets = data.flatMap(({ records }) => [...batchesIn(records)].map(({ baseOffset }) => baseOffset));
  expect(offsets).toEqual(offsets.map((_, index) => index));
});

test("marks go out while records must wait", async () => {
  const { at, stream, data, attach } = await leaderAndFollower();
  for (let i = 0; i < 20; i++) await at.appended(1, [block]);
  stream.send({ hello });
  attach(1);
  await at.pass(1000);
  data.length = 0;
  at.partition(1).deleteRecordsBelow(3);
  await at.pass(10);
  expect(data).toMatchObject([{ attachId: 1, start: 3, high: 20, records: Buffer.alloc(0) }]);
});

test("marks travel with the next records; when none come they go alone a moment later", async () => {
  const { at, stream, data, attach } = await leaderAndFollower();
  stream.send({ hello });
  attach(1);
  await at.pass(10);
  await at.appended(1, ["a"]);
  await at.pass(10);
  data.length = 0;
  at.partition(1).deleteRecordsBelow(1);
  await at.appended(1, ["b"]);
  await at.pass(10);
  expect(data).toMatchObject([{ start: 1, high: 2 }]);
  expect(data[0]!.records.length).toBeGreaterThan(0);
  at.partition(1).deleteRecordsBelow(2);
  await at.pass(10);
  expect(data.slice(1)).toMatchObject([{ start: 2, high: 2, records: Buffer.alloc(0) }]);
});

test("K-07: a follower gets what a request waits with without a read, and nothing of its buffer once it is answered", async () => {
  const { at, stream, data, attach } = await leaderAndFollower();
  const values = (): string[] =>
    data.flatMap(({ records }) =>
      [...batchesIn(records)].flatMap((batch) => readBatch(batch).map(({ value }) => `${value}`)),
    );
  stream.send({ hello });
  attach(1);
  await at.pass(10);
  at.setIsr([1, 9]);
  const reads = vi.spyOn(at.partition(1).replica.log, "read");
  const batch = buildBatch({ records: [{ key: null, value: Buffer.from("a") }], timestamp: at.clock.wallMs() });
  const answer = at.partition(1).append(batch, { acks: -1, timeoutMs: 100, origin: "client" });
  await at.pass(10);
  expect(values()).toEqual(["a"]);
  expect(reads).toHaveBeenCalledTimes(0);
  await at.pass(100);
  expect(await answer).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
  batch.fill(0);
  stream.send({ detaches: [1] });
  attach(2);
  await at.pass(10);
  expect(values()).toEqual(["a", "a"]);
  expect(reads).toHaveBeenCalledTimes(1);
});

test("a detached partition gets nothing, and its unacknowledged bytes burden nobody", async () => {
  const { at, stream, data, answers, attach, bytes } = await leaderAndFollower();
  for (let i = 0; i < 30; i++) await at.appended(1, [block]);
  stream.send({ hello });
  attach(1);
  await at.pass(1000);
  stream.send({ detaches: [1] });
  await at.pass(10);
  data.length = 0;
  await at.appended(1, ["unseen"]);
  expect(bytes()).toBe(0);
  attach(2);
  await at.pass(1000);
  expect(answers).toEqual(["1 attached", "2 attached"]);
  expect(bytes()).toBeGreaterThanOrEqual(8 * 1024 * 1024);
});

test("nothing is attached before the follower has said who it is, or for somebody else", async () => {
  const first = await leaderAndFollower();
  first.attach(1);
  await first.at.pass(10);
  expect(first.answers).toEqual(["1 unknown"]);
  const second = await leaderAndFollower();
  let ended = false;
  second.stream.onEnded = () => (ended = true);
  second.stream.send({ hello: { ...hello, leader: 2 } });
  await second.at.pass(10);
  expect(ended).toBe(true);
});

test("L-02: a follower ahead of damage costs nothing while the damage stays, and goes on when it is gone", async () => {
  const path = "/data/words-0/00000000000000000000.log";
  let told = 0;
  const tell = (fields: object): void => {
    if ("evt" in fields && fields.evt === "damage-met") told++;
  };
  const logger: Logger = { ...silentLogger, warn: tell, child: () => logger };
  const overwrite = (at: ReplicatedTopic, bytes: Buffer, position: number): void => {
    const file = at.files.get(1)!.open(path);
    file.write([bytes], position);
    file.close();
  };
  const right = Buffer.alloc(1);
  const position = 950;
  const { at, stream, data, attach } = await leaderAndFollower({
    logger,
    topicConfig: { indexIntervalBytes: 300 },
    before: async (topic) => {
      for (let n = 0; n < 20; n++) await topic.appended(1, [`v${n}`.padEnd(80)]);
      await topic.stop(1);
      topic.files.get(1)!.readAll(path)!.copy(right, 0, position);
      overwrite(topic, Buffer.from([right[0]! ^ 1]), position);
      await topic.boot(1);
      topic.control();
      await topic.until(() => topic.partitionOrNull(1)?.role.is === "leader");
    },
  });
  const sentEnd = (): number => data.flatMap(({ records }) => [...batchesIn(records)]).at(-1)?.nextOffset ?? 0;
  stream.send({ hello });
  attach(1, { leaderEpoch: at.node.leaderEpoch });
  await at.pass(500);
  const before = sentEnd();
  expect(before).toBeLessThan(20);
  const toldBefore = told;
  const reads = vi.spyOn(at.partition(1).replica.log, "read");
  for (let n = 0; n < 50; n++) {
    await at.appended(1, ["more"]);
    stream.send({ acknowledgements: [{ attachId: 1, end: before, start: 0 }] });
    await at.pass(5);
  }
  expect(at.partition(1).end).toBe(70);
  expect(data.at(-1)).toMatchObject({ high: 70, records: Buffer.alloc(0) });
  expect(reads).toHaveBeenCalledTimes(0);
  await at.pass(200_000);
  expect(sentEnd()).toBe(before);
  expect(told).toBe(toldBefore);
  expect(reads.mock.calls.length).toBeLessThan(20);

  overwrite(at, right, position);
  await at.pass(70_000);
  expect(sentEnd()).toBe(70);
});

test("an attachment to an epoch that ends is taken back", async () => {
  const { at, stream, answers, attach } = await leaderAndFollower();
  stream.send({ hello });
  attach(1);
  await at.pass(10);
  at.elect(1);
  await at.pass(10);
  attach(2);
  attach(3, { leaderEpoch: 2 });
  attach(4, { leaderEpoch: 3 });
  attach(5, { leaderEpoch: 2, partition: 1 });
  await at.pass(10);
  expect(answers).toEqual(["1 attached", "1 unknown", "2 fenced", "3 attached", "4 unknown", "5 unknown"]);
});

test.each(["leader", "follower"] as const)(
  "a replica that catches up gets no more than the %s's rate if it is named for it, and marks all the same",
  async (limited) => {
    const { at, stream, data, attach, bytes } = await leaderAndFollower();
    at.topicSettings = { [`${limited}.replication.throttled.replicas`]: limited === "leader" ? "0:1" : "0:9" };
    at.throttledRate = (broker, side) =>
      side === limited && broker === (side === "leader" ? 1 : 9) ? 1_000_000 : Infinity;
    at.publish();
    for (let i = 0; i < 14; i++) await at.appended(1, [block]);
    stream.send({ hello });
    attach(1);
    await at.pass(3000);
    expect(bytes()).toBeGreaterThan(3 * 1_000_000);
    expect(bytes()).toBeLessThan(5 * 1_000_000);
    at.partition(1).deleteRecordsBelow(1);
    await at.pass(10);
    expect(data.at(-1)).toMatchObject({ start: 1 });
    at.topicSettings = {};
    at.publish();
    await at.pass(2000);
    expect(bytes()).toBeGreaterThan(14 * 500_000);
  },
);
