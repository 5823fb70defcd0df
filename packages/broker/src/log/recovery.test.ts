import { describe, expect, test } from "vitest";
import { batchesIn } from "@odradek/protocol";
import type { MemoryFiles } from "@odradek/kit/testing";
import { batchOf, DIRECTORY, LogFixture, memoryFiles } from "../testing/log-fixture.ts";

const FIRST = `${DIRECTORY}/00000000000000000000`;

/** A log of `count` batches of one record that needs no roll, written and then killed. */
async function killed(count: number): Promise<{ files: MemoryFiles; bytes: Buffer; sizes: number[] }> {
  const files = memoryFiles();
  const at = await LogFixture.open({ segmentBytes: 1 << 20 }, files);
  const sizes: number[] = [];
  for (let n = 0; n < count; n++) {
    const producer = { id: 5, epoch: 0, baseSequence: n };
    const batch = batchOf([`v${n}`.padEnd(40)], { producer, timestamp: 1000 + n });
    sizes.push(batch.length);
    at.append(batch, 1);
  }
  await at.tick();
  files.kill();
  return { files, bytes: files.readAll(`${FIRST}.log`)!, sizes };
}

function write(files: MemoryFiles, path: string, bytes: Buffer): void {
  const file = files.open(path, { create: true });
  file.truncate(0);
  file.write([bytes], 0);
  file.close();
}

const only = (records: Buffer) => [...batchesIn(records)][0]!;

describe("recovery", () => {
  test("L-01: a log cut at any byte of its last two batches keeps every whole batch and takes appends", async () => {
    const { files, bytes, sizes } = await killed(12);
    const [beforeLast, last] = sizes.slice(-2) as [number, number];
    for (let cut = bytes.length - beforeLast - last; cut <= bytes.length; cut++) {
      write(files, `${FIRST}.log`, bytes.subarray(0, cut));
      const at = await LogFixture.open({}, files);
      const whole = cut === bytes.length ? 12 : cut >= bytes.length - last ? 11 : 10;
      expect([cut, at.log.end, at.log.written.value]).toEqual([cut, whole, whole]);
      const next = batchOf(["next"], { producer: { id: 5, epoch: 0, baseSequence: whole } });
      expect(at.derived.producers.check(only(next))).toEqual({ is: "next" });
      expect(at.append(next, 2).baseOffset).toBe(whole);
      await at.tick();
      expect(at.values()).toHaveLength(whole + 1);
      files.kill();
    }
  });

  test("L-01: any flipped byte past the recovery point ends the log before its batch", async () => {
    const { files, bytes, sizes } = await killed(6);
    const start = sizes.slice(0, 4).reduce((sum, size) => sum + size, 0);
    for (let at = start; at < start + sizes[4]!; at++) {
      const inBaseOffsetOrEpoch = at - start < 8 || (at - start >= 12 && at - start < 16);
      if (inBaseOffsetOrEpoch) continue; // outside the checksum, as in Kafka
      const broken = Buffer.from(bytes);
      broken[at]! ^= 0x10;
      write(files, `${FIRST}.log`, broken);
      const log = await LogFixture.open({}, files);
      expect([at, log.log.end]).toEqual([at, 4]);
      files.kill();
    }
  });

  test("behind a torn segment nothing counts", async () => {
    const at = await LogFixture.open({ segmentBytes: 400 });
    for (let n = 0; n < 20; n++) at.append(batchOf([`v${n}`.padEnd(40)]));
    await at.tick();
    const files = at.files as MemoryFiles;
    files.kill();
    const torn = files.list(DIRECTORY).filter((name) => name.endsWith(".log"))[1]!;
    const bytes = files.readAll(`${DIRECTORY}/${torn}`)!;
    write(files, `${DIRECTORY}/${torn}`, bytes.subarray(0, bytes.length - 5));
    await at.reopen();
    const end = at.log.end;
    expect(end).toBeLessThan(20);
    expect(at.values().map((value) => value.trim())).toEqual(Array.from({ length: end }, (_, n) => `v${n}`));
    at.append(batchOf(["on"]));
    await at.tick();
    await at.reopen();
    expect(at.values().at(-1)).toBe("on");
  });

  test("L-03: indexes that are missing, short, long, zeroed or wrong give the same answers", async () => {
    const files = memoryFiles();
    const at = await LogFixture.open({ segmentBytes: 2000, indexIntervalBytes: 150 }, files);
    for (let n = 0; n < 60; n++) at.append(batchOf([`v${n}`, `w${n}`], { timestamp: n * 10 }));
    await at.tick();
    await at.log.close();
    const answers = (): unknown => [
      Array.from({ length: 120 }, (_, offset) => [...at.records(offset, 200)][0]),
      Array.from({ length: 60 }, (_, n) => at.log.times.firstSince(n * 10 - 5)),
    ];
    await at.reopen({ cleanShutdown: true });
    const expected = answers();
    await at.log.close();
    const damages: ((bytes: Buffer) => Buffer | null)[] = [
      () => null,
      () => Buffer.alloc(0),
      (bytes) => bytes.subarray(0, bytes.length - 3),
      (bytes) => Buffer.concat([bytes, Buffer.alloc(24)]),
      (bytes) => Buffer.concat([bytes, Buffer.alloc(24, 0x7f)]),
      (bytes) => bytes.map((byte) => byte ^ 0x55) as Buffer,
    ];
    for (const damage of damages) {
      for (const name of files.list(DIRECTORY).filter((one) => /\.(time)?index$/.test(one))) {
        const bytes = damage(files.readAll(`${DIRECTORY}/${name}`)!);
        if (bytes === null) await files.remove(`${DIRECTORY}/${name}`);
        else write(files, `${DIRECTORY}/${name}`, Buffer.from(bytes));
      }
      await at.reopen({ cleanShutdown: true });
      expect(answers()).toEqual(expected);
      await at.log.close();
    }
  });

  test("L-03: any wrong byte in an index is found by reading the log, and the index is built again", async () => {
    const files = memoryFiles();
    const at = await LogFixture.open({ segmentBytes: 2000, indexIntervalBytes: 150 }, files);
    for (let n = 0; n < 40; n++) at.append(batchOf([`v${n}`, `w${n}`], { timestamp: n * 10 }));
    await at.tick();
    await at.log.close();
    for (const kind of ["index", "timeindex"]) {
      const whole = files.readAll(`${FIRST}.${kind}`)!;
      for (let index = 0; index < whole.length; index++) {
        const broken = Buffer.from(whole);
        broken[index]! ^= 0x04;
        write(files, `${FIRST}.${kind}`, broken);
        await at.reopen({ cleanShutdown: true });
        expect(await at.log.inspection.examine()).toEqual([]);
        await at.log.close();
        expect([kind, index, files.readAll(`${FIRST}.${kind}`)]).toEqual([kind, index, whole]);
      }
    }
  });

  test("L-03: recovery leaves nothing of an old index in a file that grows again", async () => {
    const { files, bytes } = await killed(12);
    write(files, `${FIRST}.index`, Buffer.alloc(800, 0x11));
    write(files, `${FIRST}.timeindex`, Buffer.alloc(1200, 0x11));
    write(files, `${FIRST}.log`, bytes.subarray(0, bytes.length - 1));
    const at = await LogFixture.open({ indexIntervalBytes: 1 }, files);
    at.log.saveIndexes();
    expect(files.readAll(`${FIRST}.index`)).toHaveLength(10 * 8);
    expect(files.readAll(`${FIRST}.timeindex`)).toHaveLength(10 * 12);
  });

  test("L-07: an unreadable epoch checkpoint or producer snapshot is built again from the log", async () => {
    const files = memoryFiles();
    const at = await LogFixture.open({ segmentBytes: 500 }, files);
    for (let n = 0; n < 30; n++)
      at.append(batchOf([`v${n}`], { producer: { id: 1, epoch: 0, baseSequence: n } }), Math.floor(n / 10));
    await at.tick();
    await at.log.close();
    for (const name of files.list(DIRECTORY).filter((one) => /snapshot|epoch/.test(one)))
      write(files, `${DIRECTORY}/${name}`, Buffer.from("0\n9\nhalf"));
    await at.reopen({ cleanShutdown: true });
    expect(at.derived.epochs.entries.map(({ start }) => start)).toEqual([0, 10, 20]);
    const next = batchOf(["x"], { producer: { id: 1, epoch: 0, baseSequence: 30 } });
    expect(at.derived.producers.check(only(next))).toEqual({ is: "next" });
    expect(at.values()).toHaveLength(30);
  });

  test.each([
    ["all of it", 0, false],
    ["all of it, and there is a snapshot", 0, true],
    ["it torn, and there is a snapshot", 5, true],
    ["its length, and there is a snapshot", null, true],
  ])(
    "L-16: no producer is ahead of its records when a loss of power brings back what a truncation took: %s",
    async (_, bytesTorn, hasSnapshot) => {
      const at = await LogFixture.open({ segmentBytes: 400 });
      const files = at.files as MemoryFiles;
      const sent = (baseSequence: number) => batchOf(["v"], { producer: { id: 7, epoch: 0, baseSequence } });
      for (let n = 0; n < 4; n++) at.append(sent(n), 1);
      await at.log.flush();
      const before = files.readAll(`${FIRST}.log`)!;
      at.log.truncateTo(3);
      const cut = files.readAll(`${FIRST}.log`)!.length;
      at.append(batchOf(["other".padEnd(300)]), 2); // rolls at 3
      await at.tick();
      files.kill();
      if (!hasSnapshot) await files.remove(`${DIRECTORY}/00000000000000000003.snapshot`);
      write(files, `${DIRECTORY}/00000000000000000003.log`, Buffer.alloc(0));
      const tail = before.subarray(cut);
      const back = bytesTorn === null ? Buffer.alloc(tail.length) : tail.subarray(0, tail.length - bytesTorn);
      write(files, `${FIRST}.log`, Buffer.concat([before.subarray(0, cut), back]));

      for (let start = 0; start < 2; start++) {
        await at.reopen({ recoveryPoint: 3 });
        expect([at.log.end, at.values()]).toEqual([3, ["v", "v", "v"]]);
        expect(at.derived.producers.check(only(sent(3)))).toEqual({ is: "next" });
        expect(await at.log.inspection.examine()).toEqual([]);
        await at.log.flush();
        files.crash();
        expect(files.readAll(`${FIRST}.log`)).toHaveLength(cut);
      }
    },
  );

  test("L-02: an offset that the disk changed below the recovery point is not taken for a truncation that came back", async () => {
    const at = await LogFixture.open({ segmentBytes: 400 });
    const files = at.files as MemoryFiles;
    for (let n = 0; n < 3; n++) at.append(batchOf(["v"]), 1);
    at.append(batchOf(["other".padEnd(300)]), 1); // rolls at 3
    await at.log.flush();
    const bytes = files.readAll(`${FIRST}.log`)!;
    bytes.writeBigInt64BE(1000n, bytes.length / 3);
    write(files, `${FIRST}.log`, bytes);
    await at.reopen({ recoveryPoint: 3 });
    expect(files.readAll(`${FIRST}.log`)).toEqual(bytes);
  });

  test("L-16: the recovery point passes no cut that a killed process left in the page cache", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const files = memoryFiles(seed);
      const at = await LogFixture.open({ segmentBytes: 400 }, files);
      for (let n = 0; n < 4; n++) at.append(batchOf(["v"]), 1);
      await at.log.flush();
      at.log.truncateTo(3);
      at.append(batchOf(["other".padEnd(300)]), 2); // rolls at 3
      files.kill();
      await at.reopen({ recoveryPoint: 3 });
      at.append(batchOf(["w"]), 3);
      await at.log.flush();
      files.crash();
      await at.reopen({ recoveryPoint: at.log.synced });
      expect([seed, at.values()]).toEqual([seed, ["v", "v", "v", "w"]]);
    }
  });

  test("L-21: below the recovery point nothing is read again", async () => {
    const files = memoryFiles();
    const at = await LogFixture.open({ segmentBytes: 500 }, files);
    for (let n = 0; n < 30; n++) at.append(batchOf([`v${n}`]));
    await at.log.flush();
    const recoveryPoint = at.log.synced;
    expect(recoveryPoint).toBe(30);
    files.kill();
    const sealed = `${FIRST}.log`;
    const broken = files.readAll(sealed)!;
    broken[broken.length - 1]! ^= 1;
    write(files, sealed, broken);
    await at.reopen({ recoveryPoint });
    expect(at.log.end).toBe(30);
  });

  test("what a crash left of unfinished work is removed", async () => {
    const files = memoryFiles();
    for (const name of [
      "00000000000000000000.log.deleted",
      "leader-epoch-checkpoint.tmp",
      "00000000000000000009.index",
    ])
      write(files, `${DIRECTORY}/${name}`, Buffer.from("x"));
    await LogFixture.open({}, files);
    expect(files.list(DIRECTORY)).toEqual(["00000000000000000000.log"]);
  });
});
