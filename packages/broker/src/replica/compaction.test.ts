import { expect, test } from "vitest";
import { batchesIn, buildBatch, ErrorCode } from "@odradek/protocol";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

const batch = (key: string, value: string, baseSequence: number): Buffer =>
  buildBatch({
    records: [{ key: Buffer.from(key), value: Buffer.from(value.padEnd(80)) }],
    timestamp: 1_700_000_000_000,
    producer: { id: 5, epoch: 0, baseSequence },
  });

const DIRECTORY = "/data/words-0";

/** The batches as they stand in a broker's log. */
function stored(at: ReplicatedTopic, broker: number): string[] {
  const { log } = at.partition(broker).replica;
  const all: string[] = [];
  for (let from = log.start; from < log.end;) {
    const read = log.read(from, { bytesMax: 1000, upTo: log.end, oneBatchAtLeast: true });
    if (read === null) break;
    for (const { baseOffset, lastOffset, recordsCount } of batchesIn(read.records))
      all.push(`${baseOffset}-${lastOffset}: ${recordsCount}`);
    from = read.nextOffset;
    read.release();
  }
  return all;
}

/** Cuts the last batches off each closed segment on a broker's disk; returns what is missing now. */
function cutSealed(at: ReplicatedTopic, broker: number, count: number): number {
  const files = at.files.get(broker)!;
  const names = files.list(DIRECTORY).filter((name) => name.endsWith(".log"));
  let missing = 0;
  for (const name of names.slice(0, -1)) {
    const path = `${DIRECTORY}/${name}`;
    const batches = [...batchesIn(files.readAll(path)!)];
    const first = batches[Math.max(0, batches.length - count)]!;
    missing += batches.length - batches.indexOf(first);
    const file = files.open(path);
    file.truncate(first.at);
    file.close();
  }
  return missing;
}

test("L-02: a compacted segment that lost its end takes back what a leader with other segments has of it", async () => {
  const at = await ReplicatedTopic.start({
    brokers: [1, 2],
    settings: { "log.cleaner.backoff.ms": "100" },
    topicConfig: {
      cleanupPolicy: { delete: false, compact: true },
      segmentBytes: 900,
      minCleanableDirtyRatio: 0,
      fileDeleteDelayMs: 0,
    },
  });
  const append = async (from: number, to: number): Promise<void> => {
    const options = { acks: 1, timeoutMs: 1000, origin: "client" } as const;
    for (let n = from; n < to; n++) {
      const appending = at.partition(1).append(batch(`k${n % 4 === 0 ? n : n % 2}`, `${n}`, n), options);
      await at.clock.advance(5);
      expect((await appending).error).toBe(ErrorCode.NONE);
    }
  };
  at.kill(2);
  at.setIsr([1]);
  await append(0, 50);
  await at.pass(1_000);
  await at.boot(2);
  await at.until(() => at.node.isr.length === 2);
  await append(50, 80);
  await at.pass(1_000);
  const borders = (id: number) =>
    at
      .partition(id)
      .replica.log.sealed.list()
      .map(({ end }) => end);
  const foreign = borders(2).filter((end) => !borders(1).includes(end));
  expect(foreign.length).toBeGreaterThan(2);
  const held = (id: number): string[] => stored(at, id).filter((one) => !one.endsWith(": 0"));
  const expected = held(2);

  await at.stop(2);
  expect(cutSealed(at, 2, 2)).toBeGreaterThan(4);
  await at.boot(2);
  await at.pass(70_000);
  expect(await at.partition(2).replica.log.inspection.examine()).toEqual([]);
  // Overtaken records that only the leader still had may have come back with the others.
  expect(held(2)).toEqual(expect.arrayContaining(expected));
});

test("a follower that comes to a compacted log takes it with its gaps and empty batches, and can lead from it", async () => {
  const at = await ReplicatedTopic.start({
    brokers: [1, 2],
    settings: { "log.cleaner.backoff.ms": "100" },
    topicConfig: {
      cleanupPolicy: { delete: false, compact: true },
      segmentBytes: 700,
      minCleanableDirtyRatio: 0,
      fileDeleteDelayMs: 0,
    },
  });
  at.kill(2);
  at.setIsr([1]);
  for (let n = 0; n < 30; n++) {
    const appending = at
      .partition(1)
      .append(batch(`k${n % 2}`, `${n}`, n), { acks: 1, timeoutMs: 1000, origin: "client" });
    await at.clock.advance(5);
    expect((await appending).error).toBe(ErrorCode.NONE);
  }
  await at.until(() => stored(at, 1).length < 15);
  await at.boot(2);
  await at.until(() => at.node.isr.length === 2);
  const { high } = at.partition(1);
  await at.until(() => at.partition(2).high.value === high.value);
  expect([at.partition(2).start, at.partition(2).end]).toEqual([0, 30]);
  const left = stored(at, 1);
  expect(stored(at, 2).filter((one) => left.includes(one)).length).toBeGreaterThan(3);

  at.elect(2);
  await at.until(() => at.partition(2).role.is === "leader");
  const options = { acks: 1, timeoutMs: 1000, origin: "client" } as const;
  const late = at.partition(2).append(batch("k0", "late", 31), options);
  await at.clock.advance(5);
  expect((await late).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  const next = at.partition(2).append(batch("k0", "next", 30), options);
  await at.clock.advance(5);
  expect(await next).toMatchObject({ error: ErrorCode.NONE, baseOffset: 30 });
});
