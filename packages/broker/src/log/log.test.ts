import { CorruptLogError } from "../segment/walk.ts";
import { describe, expect, test } from "vitest";
import { batchesIn } from "@odradek/protocol";
import { batchOf, DIRECTORY, LogFixture } from "../testing/log-fixture.ts";
import type { LogConfig } from "./log-config.ts";

describe("log", () => {
  test("assigns offsets and the leader epoch in place; the end of the tick writes", async () => {
    const at = await LogFixture.open();
    const records = Buffer.concat([batchOf(["a", "b"]), batchOf(["c"])]);
    expect(at.append(records, 7)).toEqual({ baseOffset: 0, lastOffset: 2 });
    expect(at.append(batchOf(["d"]), 7)).toEqual({ baseOffset: 3, lastOffset: 3 });
    expect([at.log.end, at.log.written.value]).toEqual([4, 0]);
    expect(at.log.read(0, { bytesMax: 1000, upTo: 4, oneBatchAtLeast: true })).toBeNull();
    const reached = at.log.written.reached(4, { timeoutMs: 1000 });
    await at.tick();
    expect(await reached).toBe("reached");
    expect(at.values()).toEqual(["a", "b", "c", "d"]);
    expect([...batchesIn(records)].map((batch) => [batch.baseOffset, batch.partitionLeaderEpoch])).toEqual([
      [0, 7],
      [2, 7],
    ]);
  });

  test("reads whole batches below the bound, the first one even when it is too large", async () => {
    const at = await LogFixture.open();
    const sizes = ["a".repeat(100), "b".repeat(100), "c".repeat(100)].map((value) => {
      const records = batchOf([value]);
      at.append(records);
      return records.length;
    });
    await at.tick();
    const read = (from: number, bytesMax: number, upTo = 3, oneBatchAtLeast = true): number | null =>
      at.log.read(from, { bytesMax, upTo, oneBatchAtLeast })?.records.length ?? null;
    expect(read(0, 10_000)).toBe(sizes[0]! * 3);
    expect(read(0, sizes[0]! * 2 + 10)).toBe(sizes[0]! * 2);
    expect(read(0, 10_000, 2)).toBe(sizes[0]! * 2);
    expect(read(1, 1)).toBe(sizes[0]!);
    expect(read(1, 0)).toBe(sizes[0]!);
    expect(read(1, 1, 3, false)).toBeNull();
    expect(read(3, 10_000)).toBeNull();
  });

  test("the indexes of the growing segment can be brought to disk for whoever looks at the directory", async () => {
    const at = await LogFixture.open({ indexIntervalBytes: 1 });
    const names = (kind: string): string[] => at.files.list(DIRECTORY).filter((name) => name.endsWith(kind));
    for (const value of ["a", "b", "c"]) at.append(batchOf([value]));
    await at.tick();
    expect(names("index")).toEqual([]);
    at.log.saveIndexes();
    expect(names("index")).toEqual(["00000000000000000000.index", "00000000000000000000.timeindex"]);
    expect(at.files.readAll(`${DIRECTORY}/00000000000000000000.index`)).toHaveLength(2 * 8);
  });

  test("a log without records has no index files, whatever ends it", async () => {
    const at = await LogFixture.open();
    const names = (): string[] => at.files.list(DIRECTORY).filter((name) => !name.endsWith(".snapshot"));
    at.log.saveIndexes();
    await at.log.close();
    for (const cleanShutdown of [true, false]) {
      await at.reopen({ cleanShutdown });
      expect(names()).toEqual(["00000000000000000000.log"]);
    }
    at.append(batchOf(["a"]));
    await at.tick();
    at.log.saveIndexes();
    expect(names()).toHaveLength(3);
  });

  test("a read that does not fit never skips to the next segment", async () => {
    const at = await LogFixture.open({ segmentBytes: 300 });
    for (const value of ["a", "b", "c"]) at.append(batchOf([value.repeat(200)]));
    await at.tick();
    expect(at.files.list(DIRECTORY).filter((name) => name.endsWith(".log"))).toHaveLength(3);
    expect(at.log.read(0, { bytesMax: 100, upTo: 3, oneBatchAtLeast: false })).toBeNull();
    expect(at.values()).toHaveLength(3);
  });

  test("a follower keeps the leader's offsets and epochs", async () => {
    const at = await LogFixture.open();
    const stored = Buffer.concat([
      batchOf(["a", "b"], { baseOffset: 0, partitionLeaderEpoch: 2 }),
      batchOf(["c"], { baseOffset: 5, partitionLeaderEpoch: 4 }),
    ]);
    at.log.appendAsStored(stored, [...batchesIn(stored)]);
    await at.tick();
    expect([...at.records(0)].map(({ offset }) => offset)).toEqual([0, 1, 5]);
    expect(at.derived.epochs.entries).toEqual([
      { epoch: 2, start: 0 },
      { epoch: 4, start: 5 },
    ]);
    expect(() => at.log.appendAsStored(stored, [...batchesIn(stored)])).toThrow("does not continue");
  });

  test("L-23: offsets too far from the segment's base force a roll, even of an empty segment", async () => {
    const at = await LogFixture.open();
    for (const baseOffset of [2 ** 31 + 5, 2 ** 31 + 6, 2 ** 33]) {
      const records = batchOf(["x"], { baseOffset });
      at.log.appendAsStored(records, [...batchesIn(records)]);
    }
    await at.tick();
    expect([...at.records(0)].map(({ offset }) => offset)).toEqual([2 ** 31 + 5, 2 ** 31 + 6, 2 ** 33]);
    expect(at.files.list(DIRECTORY).filter((name) => name.endsWith(".log"))).toEqual([
      "00000000000000000000.log",
      "00000000002147483653.log",
      "00000000008589934592.log",
    ]);
    await at.reopen();
    expect([...at.records(0)].map(({ offset }) => offset)).toEqual([2 ** 31 + 5, 2 ** 31 + 6, 2 ** 33]);
  });

  test("rolls by age, counted in record time", async () => {
    const at = await LogFixture.open({ segmentMs: 1000 });
    for (const timestamp of [5000, 6000, 6001, 6002]) at.append(batchOf(["x"], { timestamp }));
    await at.tick();
    expect(at.files.list(DIRECTORY).filter((name) => name.endsWith(".log"))).toEqual([
      "00000000000000000000.log",
      "00000000000000000002.log",
    ]);
  });

  test("segment.jitter.ms takes some of segment.ms away; a compacted log rolls for max.compaction.lag.ms, too", async () => {
    const segments = async (config: Partial<LogConfig>): Promise<number> => {
      const at = await LogFixture.open({ segmentMs: 1000, ...config });
      for (let timestamp = 0; timestamp <= 20_000; timestamp += 50) at.append(batchOf(["x"], { timestamp }));
      await at.tick();
      return at.files.list(DIRECTORY).filter((name) => name.endsWith(".log")).length;
    };
    const segmentBytes = 1 << 20;
    expect(await segments({ segmentBytes })).toBe(20);
    expect(await segments({ segmentBytes, segmentJitterMs: 900 })).toBeGreaterThan(25);
    expect(await segments({ segmentBytes, segmentMs: Infinity, segmentJitterMs: 900 })).toBe(1);
    expect(await segments({ segmentBytes, maxCompactionLagMs: 500 })).toBe(20);
    const cleanupPolicy = { delete: false, compact: true };
    expect(await segments({ segmentBytes, maxCompactionLagMs: 500, cleanupPolicy })).toBeGreaterThan(35);
  });

  test("rolls when an index is full", async () => {
    const at = await LogFixture.open({ segmentBytes: 1 << 20, indexIntervalBytes: 0, segmentIndexBytes: 36 });
    for (let n = 0; n < 20; n++) at.append(batchOf([`v${n}`], { timestamp: n }));
    await at.tick();
    expect(at.files.list(DIRECTORY).filter((name) => name.endsWith(".log")).length).toBeGreaterThan(3);
    expect(at.values()).toHaveLength(20);
    expect(at.log.times.firstSince(13)).toEqual({ offset: 13, timestamp: 13, leaderEpoch: 0 });
  });

  test("finds offsets by time, record by record", async () => {
    const at = await LogFixture.open();
    for (let n = 0; n < 60; n += 3)
      at.append(
        batchOf([`v${n}`, `v${n + 1}`, `v${n + 2}`], { timestamp: n * 10, compression: n % 2 ? "gzip" : "none" }),
      );
    await at.tick();
    expect(at.log.times.firstSince(0)).toMatchObject({ offset: 0, timestamp: 0 });
    expect(at.log.times.firstSince(301)).toMatchObject({ offset: 33, timestamp: 330 });
    expect(at.log.times.firstSince(571)).toBeNull();
    expect(at.log.times.newest()).toMatchObject({ offset: 57, timestamp: 570 });
    at.log.moveStart(40);
    expect(at.log.times.firstSince(0)).toMatchObject({ offset: 40, timestamp: 390 });
  });

  test("truncates anywhere and goes on; derived state follows (L-15, L-16)", async () => {
    const at = await LogFixture.open();
    const producer = { id: 9, epoch: 0, baseSequence: 0 };
    for (let n = 0; n < 30; n++) {
      const batch = batchOf([`v${n}`.padEnd(60)], { producer: { ...producer, baseSequence: n } });
      at.append(batch, Math.floor(n / 10));
    }
    await at.tick();
    at.log.truncateTo(17);
    expect([at.log.end, at.log.written.value]).toEqual([17, 17]);
    expect(at.derived.epochs.entries).toEqual([
      { epoch: 0, start: 0 },
      { epoch: 1, start: 10 },
    ]);
    const sequenced = (n: number): Buffer => batchOf(["again"], { producer: { ...producer, baseSequence: n } });
    expect(at.derived.producers.check([...batchesIn(sequenced(17))][0]!)).toEqual({ is: "next" });
    expect(at.derived.producers.check([...batchesIn(sequenced(16))][0]!)).toMatchObject({
      is: "duplicate",
      baseOffset: 16,
    });
    expect(at.append(sequenced(17), 5).baseOffset).toBe(17);
    await at.tick();
    expect(at.values(15).map((value) => value.trim())).toEqual(["v15", "v16", "again"]);
    at.log.truncateTo(0);
    expect(at.values()).toEqual([]);
    expect(at.append(batchOf(["anew"])).baseOffset).toBe(0);
    await at.tick();
    expect(at.values()).toEqual(["anew"]);
  });

  test.each([
    ["the batch to cut is hidden", 1000],
    ["a batch that stays is hidden", 200],
  ])(
    "L-02: damage stops a truncation before anything has changed, and is no failure of the disk: %s",
    async (_, damage) => {
      const at = await LogFixture.open({ segmentBytes: 3000 });
      const producer = { id: 9, epoch: 0, baseSequence: 0 };
      for (let n = 0; n < 60; n++)
        at.append(
          batchOf([`v${n}`.padEnd(60)], { timestamp: 1000 + n, producer: { ...producer, baseSequence: n } }),
          Math.floor(n / 10),
        );
      await at.tick();
      const names = at.files.list(DIRECTORY).filter((name) => name.endsWith(".log"));
      expect(names.length).toBeGreaterThan(2);
      const [path] = names.map((name) => `${DIRECTORY}/${name}`);
      const stored = at.files.readAll(path!)!;
      const batches = [...batchesIn(stored)];
      const hit = batches.findIndex((batch) => batch.at + batch.size > damage);
      const file = at.files.open(path!);
      file.write([Buffer.alloc(4)], batches[hit]!.at + 8); // its length
      const before = at.derived.snapshot();
      const offset = batches.find((batch) => batch.at > 1000)!.baseOffset;
      expect(() => at.log.truncateTo(offset)).toThrow(CorruptLogError);
      expect([at.log.failed, at.log.end, at.log.written.value, at.derived.epochs.latest]).toEqual([null, 60, 60, 5]);
      expect(at.derived.snapshot()).toEqual(before);
      expect(at.files.list(DIRECTORY).filter((name) => name.endsWith(".log"))).toEqual(names);
      expect(at.append(batchOf(["goes on"]), 6).baseOffset).toBe(60);
      file.write([stored.subarray(batches[hit]!.at, batches[hit]!.at + 12)], batches[hit]!.at);
      file.close();
      at.log.truncateTo(offset);
      await at.tick();
      expect(at.log.end).toBe(offset);
      expect(at.values()).toHaveLength(offset);
    },
  );

  test("L-02: a damaged first batch does not keep a log with a time limit from taking more", async () => {
    const at = await LogFixture.open({ segmentMs: 60_000 });
    at.append(batchOf(["first"]));
    await at.tick();
    await at.log.close();
    await at.reopen({ cleanShutdown: true, recoveryPoint: 1 });
    const [name] = at.files.list(DIRECTORY).filter((each) => each.endsWith(".log"));
    const file = at.files.open(`${DIRECTORY}/${name!}`);
    file.write([Buffer.alloc(4)], 8); // its length
    file.close();
    expect(at.append(batchOf(["second"])).baseOffset).toBe(1);
    await at.tick();
    expect([at.log.failed, at.log.written.value]).toEqual([null, 2]);
  });

  test("P-21: starts over at the leader's start", async () => {
    const at = await LogFixture.open();
    for (let n = 0; n < 30; n++) at.append(batchOf([`v${n}`.padEnd(60)]), 3);
    at.log.truncateFullyAndStartAt(1000);
    expect([at.log.start, at.log.end, at.log.written.value, at.derived.epochs.latest]).toEqual([1000, 1000, 1000, -1]);
    at.append(batchOf(["x"]), 4);
    await at.tick();
    await at.reopen();
    expect([...at.records(1000)].map(({ offset }) => offset)).toEqual([1000]);
    expect(at.derived.epochs.entries).toEqual([{ epoch: 4, start: 1000 }]);
  });
});
