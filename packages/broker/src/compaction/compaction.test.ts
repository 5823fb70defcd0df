import { describe, expect, test } from "vitest";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { DIRECTORY, memoryFiles } from "../testing/log-fixture.ts";

const DAY_MS = 86_400_000;
const pad = (value: number): string => `${value}`.padEnd(60);

async function filled(compacted: CompactedLog, count: number, keys: number): Promise<void> {
  for (let n = 0; n < count; n++) compacted.put([[`k${n % keys}`, pad(n)]]);
  await compacted.roll();
}

describe("compaction", () => {
  test("the newest record of each key stays, at its offset", async () => {
    const words = await CompactedLog.open();
    await filled(words, 30, 3);
    await words.compact();
    const kept = words.entries().filter(({ key }) => key !== "roll");
    expect(kept.map(({ offset, key, value }) => [offset, key, value?.trim()])).toEqual([
      [27, "k0", "27"],
      [28, "k1", "28"],
      [29, "k2", "29"],
    ]);
    expect(words.log.end).toBe(31);
    expect(words.clean.get("words")).toBe(30);
  });

  test("a record that the active segment has overtaken stays until that is closed", async () => {
    const words = await CompactedLog.open();
    await filled(words, 6, 1);
    words.put([["k0", "new"]]);
    await words.at.tick();
    await words.compact();
    const values = words.entries().filter(({ key }) => key === "k0");
    expect(values.map(({ value }) => value?.trim())).toEqual(["5", "new"]);
  });

  test("L-19: nothing at or above the high watermark or the last stable offset is touched", async () => {
    const words = await CompactedLog.open();
    await filled(words, 30, 1);
    words.lastStable = 15;
    await words.compact();
    const offsets = words.entries().map(({ offset }) => offset);
    expect(offsets.filter((offset) => offset >= 15)).toEqual(Array.from({ length: 16 }, (_, n) => 15 + n));
    expect(words.clean.get("words")).toBeLessThanOrEqual(15);
    expect(offsets.filter((offset) => offset < 15).length).toBeLessThan(6);
  });

  test("KIP-534: a tombstone stays until the horizon that its first compaction gave it", async () => {
    const words = await CompactedLog.open({ deleteRetentionMs: DAY_MS });
    words.put([["gone", "1"]]);
    words.put([
      ["gone", null],
      ["here", "2"],
    ]);
    await words.roll();
    await words.compact();
    const horizonMs = words.at.clock.wallMs() + DAY_MS;
    const given = words.batches().find(({ base }) => base === 1)!.horizonMs!;
    expect(Math.abs(given - horizonMs)).toBeLessThan(100);
    expect(words.entries().slice(0, 2)).toEqual([
      { offset: 1, key: "gone", value: null },
      { offset: 2, key: "here", value: "2" },
    ]);
    const timestamps = [...words.at.records(0)].map(({ timestamp }) => timestamp);
    expect(timestamps[0]).toBe(1_700_000_000_000);

    await words.at.clock.advance(given - words.at.clock.wallMs() - 50);
    await words.roll();
    await words.compact();
    expect(words.entries().some(({ key }) => key === "gone")).toBe(true);
    expect(words.batches().find(({ base }) => base === 1)!.horizonMs).toBe(given);

    await words.at.clock.advance(100);
    await words.roll();
    await words.compact();
    expect(words.entries().some(({ key }) => key === "gone")).toBe(false);
    expect(words.entries().find(({ key }) => key === "here")).toEqual({ offset: 2, key: "here", value: "2" });
  });

  test("L-19: the last batch of each producer stays, empty, for its sequence; all others go", async () => {
    const words = await CompactedLog.open();
    const producer = (id: number, baseSequence: number) => ({ producer: { id, epoch: 3, baseSequence } });
    words.put([["a", "1"]], producer(7, 0));
    words.put([["a", "2"]], producer(7, 1));
    words.put([["a", "3"]], producer(8, 0));
    words.put([["a", "4"]]);
    await words.roll();
    await words.compact();
    expect(words.batches().filter(({ base }) => base < 4)).toMatchObject([
      { base: 1, last: 1, records: 0 },
      { base: 2, last: 2, records: 0 },
      { base: 3, last: 3, records: 1 },
    ]);
    await words.log.close();
    for (const name of words.at.files.list(DIRECTORY).filter((one) => one.endsWith(".snapshot")))
      await words.at.files.remove(`${DIRECTORY}/${name}`);
    await words.at.reopen({ cleanShutdown: true });
    words.put([["b", "1"]], producer(7, 2));
    const { producers } = words.at.derived;
    expect(producers.count).toBe(2);
  });

  test.for(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
    "a batch packed with %s stays packed with it",
    async (codec) => {
      const words = await CompactedLog.open({ segmentBytes: 2000 });
      const old = Array.from({ length: 40 }, (_, n) => [`k${n}`, pad(n)] as const);
      words.put(old, { compression: codec });
      words.put(old.slice(0, 30), { compression: codec });
      await words.roll();
      const before = words.entries();
      await words.compact();
      const kept = before.filter(({ offset, key }) => offset >= 30 || key === "roll");
      expect(words.entries()).toEqual(kept);
      const read = words.log.read(0, { bytesMax: 1, upTo: words.log.end, oneBatchAtLeast: true })!;
      expect(read.records.readInt16BE(21) & 7).toBe(["none", "gzip", "snappy", "lz4", "zstd"].indexOf(codec));
    },
  );

  test("records of aborted transactions go, and never take the place of a committed one; what is undecided stays", async () => {
    const words = await CompactedLog.open({ deleteRetentionMs: 1000 });
    const one = { id: 1, epoch: 0 };
    const two = { id: 2, epoch: 0 };
    const sent = (producer: typeof one, baseSequence: number) => ({
      producer: { ...producer, baseSequence },
      isTransactional: true,
    });
    words.put([["a", "committed"]], sent(one, 0));
    words.mark(one, "commit");
    words.put([["a", "aborted"]], sent(two, 0));
    words.mark(two, "abort");
    await words.roll();
    await words.compact();
    expect(words.entries().find(({ key }) => key === "a")?.value).toBe("committed");
    // Both markers stay: the commit's record is there, the abort's went only now.
    expect(words.batches().filter(({ isControl }) => isControl)).toHaveLength(2);

    await words.roll();
    await words.compact();
    const markers = words.batches().filter(({ isControl }) => isControl);
    expect(markers.map(({ horizonMs }) => horizonMs !== null)).toEqual([false, true]);
    await words.at.clock.advance(2000);
    await words.roll();
    await words.compact();
    // The newest batch of a producer who is remembered is kept for its epoch, without its record.
    expect(words.batches().filter(({ isControl }) => isControl)).toMatchObject([{ records: 1 }, { records: 0 }]);
    words.at.derived.producers.expire(words.at.clock.wallMs(), 0);
    await words.roll();
    await words.compact();
    expect(words.batches().filter(({ isControl }) => isControl)).toHaveLength(1);

    const open = words.put([["a", "undecided"]], sent(two, 1));
    await words.roll();
    await words.compact();
    expect(words.clean.get("words")).toBeLessThanOrEqual(open);
    expect(words.entries().filter(({ key }) => key === "a")).toHaveLength(2);
  });

  test("a map that is too small for all keys takes several passes and ends at the same", async () => {
    const words = await CompactedLog.open({ segmentBytes: 20_000 });
    words.mapBytesMax = 1; // one batch at a time
    const keys = Array.from({ length: 200 }, (_, n) => n);
    for (const n of [...keys, ...keys.slice(0, 150)]) words.put([[`k${n}`, pad(n)]]);
    await words.roll();
    const before = new Map(words.entries().map(({ key, offset, value }) => [key, [offset, value]]));
    await words.compact();
    expect(words.told.filter((evt) => evt === "compacted").length).toBeGreaterThan(3);
    expect(new Map(words.entries().map(({ key, offset, value }) => [key, [offset, value]]))).toEqual(before);
    expect(words.entries()).toHaveLength(before.size);
  });

  test("L-23: small neighbours become one segment, within its size and 32-bit distances", async () => {
    const words = await CompactedLog.open();
    await filled(words, 60, 2);
    const before = words.log.sealed.list().length;
    words.at.config = { ...words.at.config, segmentBytes: 3000 };
    await words.compact();
    expect(words.log.sealed.list().length).toBeLessThan(before / 3);
    for (const { segment } of words.log.sealed.list()) expect(segment.size).toBeLessThanOrEqual(3000);
    expect(words.entries().map(({ key }) => key)).toEqual(["k0", "k1", "roll"]);
  });

  test("min.compaction.lag.ms keeps young records; max.compaction.lag.ms asks for compaction whatever the ratio", async () => {
    const words = await CompactedLog.open({ minCompactionLagMs: 1000, minCleanableDirtyRatio: 1 });
    await filled(words, 20, 1);
    await words.compact();
    expect(words.entries()).toHaveLength(21);
    words.at.config = { ...words.at.config, minCleanableDirtyRatio: 0 };
    await words.compact();
    expect(words.entries()).toHaveLength(21);
    await words.at.clock.advance(2000);
    words.at.config = { ...words.at.config, minCleanableDirtyRatio: 1 };
    await words.compact();
    expect(words.entries()).toHaveLength(21);
    words.at.config = { ...words.at.config, maxCompactionLagMs: 1500 };
    await words.compact();
    expect(words.entries()).toHaveLength(2);
  });

  test("a truncation while a segment is read changes nothing, and what lay behind it counts as dirty again", async () => {
    const words = await CompactedLog.open();
    await filled(words, 40, 2);
    await words.compact();
    words.log.truncateTo(10);
    await filled(words, 40, 1);
    words.bytesPerSecondMax = 1000;
    let truncated = false;
    const compactor = words.compactor();
    await words.compact(() => {
      if (!truncated) words.log.truncateTo(words.log.end - 5);
      truncated = true;
    }, compactor);
    expect(words.told.at(-1)).toBe("compacted");
    await words.roll();
    await words.compact(undefined, compactor);
    expect(words.entries().filter(({ key }) => key === "k0")).toHaveLength(1);
  });

  test("a full disk leaves the log as it was, and compaction succeeds later", async () => {
    const files = memoryFiles();
    const words = await CompactedLog.open({}, files);
    await filled(words, 30, 2);
    files.failNextWrite({ path: ".cleaned", code: "ENOSPC" });
    await words.compact();
    expect(words.told).toEqual(["compaction-failed"]);
    expect(words.log.failed).toBeNull();
    expect(words.entries()).toHaveLength(31);
    await words.compact();
    expect(words.entries()).toHaveLength(3);
  });
});
