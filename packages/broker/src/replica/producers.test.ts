import { type Logger, silentLogger } from "@odradek/kit";
import { ErrorCode } from "@odradek/protocol";
import { expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";

const sent = (baseSequence: number) => ({ producer: { id: 7, epoch: 0, baseSequence } });

/** Two brokers lead and follow without the third; retention takes all that a producer has sent; the third comes back behind it. */
async function evicted(logger: Logger = silentLogger): Promise<ReplicatedTopic> {
  const settings = { "log.segment.bytes": "100", "log.retention.ms": "1000", "log.retention.check.interval.ms": "500" };
  const at = await ReplicatedTopic.start({ logger, settings, topicConfig: { segmentBytes: 100, retentionMs: 1000 } });
  at.kill(3);
  at.control();
  for (const [sequence, value] of ["a", "b", "c"].entries())
    expect(await at.appended(1, [value], sent(sequence))).toMatchObject({ baseOffset: sequence });
  await at.until(() => at.partition(1).start === 3 && at.partition(2).start === 3, 20_000);
  await at.boot(3);
  await at.until(() => at.node.isr.includes(3), 20_000);
  expect(at.partition(3).start).toBe(3);
  return at;
}

/** The leader it has now takes what the producer repeats, and what it sends next, as any other leader would have. */
async function knowsTheProducer(at: ReplicatedTopic): Promise<void> {
  expect(await at.appended(3, ["b"], sent(1))).toMatchObject({ error: ErrorCode.NONE, baseOffset: 1 });
  expect(await at.appended(3, ["e"], sent(4))).toMatchObject({ error: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER });
  expect(await at.appended(3, ["d"], sent(3))).toMatchObject({ error: ErrorCode.NONE, baseOffset: 3 });
  expect(at.values(3)).toEqual(["d"]);
}

test("I-04: a follower that starts anew behind retention knows whose batches were there before, and can lead", async () => {
  const at = await evicted();
  at.elect(3);
  await knowsTheProducer(at);
});

test("I-04: the log of the broker says where it starts anew, and no producers: there may be hundreds of thousands", async () => {
  const told: object[] = [];
  const logger: Logger = { ...silentLogger, info: (fields) => void told.push(fields), child: () => logger };
  await evicted(logger);
  const lines = told.filter((fields) => "evt" in fields && fields.evt === "below-start");
  expect(lines).toEqual([{ evt: "below-start", partition: "words-0", leader: 1, start: 3 }]);
});

test("I-04: it knows them after a crash and after a loss of power, too", async () => {
  for (const end of ["kill", "losePower"] as const) {
    const at = await evicted();
    at[end](3);
    at.control();
    await at.boot(3);
    await at.until(() => at.node.isr.includes(3), 20_000);
    at.elect(3);
    await knowsTheProducer(at);
  }
});

test("I-08: retention that takes all records leaves what a restart must know of their producers", async () => {
  const at = await evicted();
  for (const id of [1, 2, 3]) at.kill(id);
  for (const id of [3, 1, 2]) await at.boot(id);
  at.elect(3);
  await knowsTheProducer(at);
});
