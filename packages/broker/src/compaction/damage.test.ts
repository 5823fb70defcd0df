import type { MemoryFiles } from "@odradek/kit/testing";
import { batchesIn } from "@odradek/protocol";
import { describe, expect, test } from "vitest";
import { DamagedError } from "../segment/verify.ts";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { DIRECTORY, memoryFiles } from "../testing/log-fixture.ts";

const pad = (value: number): string => `${value}`.padEnd(60);

async function filled(compacted: CompactedLog, count: number, keys: number): Promise<void> {
  for (let n = 0; n < count; n++) compacted.put([[`k${n % keys}`, pad(n)]]);
  await compacted.roll();
}

function write(files: MemoryFiles, path: string, bytes: Buffer): void {
  const file = files.open(path);
  file.truncate(0);
  file.write([bytes], 0);
  file.close();
}

describe("compaction and damage", () => {
  test("a damaged segment is said, nothing is changed and compaction leaves the log alone", async () => {
    const files = memoryFiles();
    const words = await CompactedLog.open({}, files);
    await filled(words, 30, 2);
    const path = words.log.sealed.list()[2]!.segment.path;
    const bytes = files.readAll(path)!;
    bytes[bytes.length - 3]! ^= 1;
    const file = files.open(path);
    file.write([bytes], 0);
    file.close();
    const before = new Map(files.list(DIRECTORY).map((name) => [name, files.readAll(`${DIRECTORY}/${name}`)]));
    const compactor = words.compactor();
    await words.compact(undefined, compactor);
    await words.compact(undefined, compactor);
    expect(words.told).toEqual(["partition-uncleanable"]);
    const names = files.list(DIRECTORY).filter((name) => !name.endsWith(".deleted"));
    expect(new Map(names.map((name) => [name, files.readAll(`${DIRECTORY}/${name}`)]))).toEqual(before);

    bytes[bytes.length - 3]! ^= 1;
    const mended = files.open(path);
    mended.write([bytes], 0);
    mended.close();
    await words.at.clock.advance(600_000);
    await words.compact(undefined, compactor);
    expect(words.entries()).toHaveLength(3);
  });

  test("L-02: a flipped bit in what no checksum covers stops compaction before anything is lost, and can be mended", async () => {
    const BASE_OFFSET_LOW = 7;
    const LEADER_EPOCH_LOW = 15;
    const injuries = [0, 1, 2, 3].flatMap((batch) => [
      ...[1, 2, 4, 8, 16, 32].map((bit) => ({ batch, field: BASE_OFFSET_LOW, bit })),
      { batch, field: LEADER_EPOCH_LOW, bit: 1 },
    ]);
    for (const { batch, field, bit } of injuries) {
      const files = memoryFiles();
      const words = await CompactedLog.open({ segmentBytes: 600 }, files);
      await filled(words, 24, 6);
      const before = words.entries();
      const { path } = words.log.sealed.list()[3]!.segment;
      const whole = files.readAll(path)!;
      const batches = [...batchesIn(whole)];
      expect(batches).toHaveLength(4);
      const injured = Buffer.from(whole);
      injured[batches[batch]!.at + field]! ^= bit;
      write(files, path, injured);
      const compactor = words.compactor();
      await words.compact(undefined, compactor);
      expect([batch, field, bit, words.told, words.damages]).toEqual([batch, field, bit, ["partition-uncleanable"], 1]);

      const { inspection } = words.log;
      for (const damage of await inspection.examine()) {
        const { position, size } = damage;
        expect(await inspection.mend(damage, whole.subarray(position, position + size))).toBe(true);
      }
      expect(words.entries()).toEqual(before);
      await words.at.clock.advance(600_000);
      await words.compact(undefined, compactor);
      expect(words.entries()).toEqual(before.slice(-7));
    }
  });

  test("L-02: a sealed segment without its last batch is damaged, before compaction as after it", async () => {
    const files = memoryFiles();
    const words = await CompactedLog.open({}, files);
    await filled(words, 12, 12);
    for (const compacts of [false, true]) {
      if (compacts) {
        words.at.config = { ...words.at.config, segmentBytes: 1000 };
        for (let n = 0; n < 12; n += 2) words.put([[`k${n}`, pad(n)]]);
        await words.roll();
        await words.compact();
        await words.roll();
      }
      const expected = words.entries();
      const { segment, end } = words.log.sealed.list()[0]!;
      const whole = files.readAll(segment.path)!;
      const last = [...batchesIn(whole)].at(-1)!;
      expect(last.nextOffset).toBe(end);
      await words.log.close();
      write(files, segment.path, whole.subarray(0, last.at));
      await words.at.reopen({ cleanShutdown: true, recoveryPoint: words.log.end });
      expect(() => words.entries()).toThrow(DamagedError);
      words.told.length = 0;
      await words.compact();
      expect(words.told).toEqual(["partition-uncleanable"]);
      const damages = await words.log.inspection.examine();
      expect(damages).toMatchObject([{ to: end, position: last.at, size: 0, isAtEnd: true }]);
      expect(await words.log.inspection.mend(damages[0]!, last.slice)).toBe(true);
      expect(words.entries()).toEqual(expected);
      expect(await words.log.inspection.examine()).toEqual([]);
    }
  });

  test("a segment that ends early, as a peer has confirmed, still may when it was compacted", async () => {
    const files = memoryFiles();
    const words = await CompactedLog.open({}, files);
    await filled(words, 12, 6);
    const { segment } = words.log.sealed.list()[1]!;
    const whole = files.readAll(segment.path)!;
    await words.log.close();
    write(files, segment.path, whole.subarray(0, [...batchesIn(whole)].at(-1)!.at));
    await words.at.reopen({ cleanShutdown: true, recoveryPoint: words.log.end });
    for (const damage of await words.log.inspection.examine()) words.log.inspection.accept(damage);
    await words.compact();
    expect(words.told).toEqual(["compacted"]);
    expect(await words.log.inspection.examine()).toEqual([]);
    expect(words.entries()).toHaveLength(7);
  });
});
