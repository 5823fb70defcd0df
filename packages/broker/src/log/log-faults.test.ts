import { describe, expect, test } from "vitest";
import { type MemoryFiles, VirtualClock } from "@odradek/kit/testing";
import { batchOf, DIRECTORY, LogFixture, memoryFiles } from "../testing/log-fixture.ts";
import { slowSyncs } from "../testing/slow-syncs.ts";

const logs = (files: MemoryFiles): string[] => files.list(DIRECTORY).filter((name) => name.endsWith(".log"));

async function opened(config = {}): Promise<{ at: LogFixture; files: MemoryFiles }> {
  const files = memoryFiles();
  return { at: await LogFixture.open(config, files), files };
}

describe("log and a failing disk", () => {
  test("L-08: the first write error fences the log: nothing more is acknowledged, taken or deleted", async () => {
    const { at, files } = await opened();
    at.append(batchOf(["safe"]));
    await at.tick();
    files.failNextWrite({ path: ".log" });
    at.append(batchOf(["lost"]));
    const reached = at.log.written.reached(2, { timeoutMs: 1000 });
    await at.tick();
    expect(await reached).toBe("closed");
    expect(at.log.failed?.message).toContain(DIRECTORY);
    expect(() => at.append(batchOf(["more"]))).toThrow("has failed");
    expect(() => at.log.truncateTo(0)).toThrow("has failed");
    expect(() => at.log.deleteOldSegments(1)).toThrow("has failed");
    await expect(at.log.flush()).rejects.toThrow("has failed");
    expect(at.values()).toEqual(["safe"]);
    await at.log.close();
    await at.reopen();
    expect(at.values()).toEqual(["safe"]);
  });

  test("L-10: a short write on a full disk leaves no torn batch and is not acknowledged", async () => {
    const { at, files } = await opened();
    at.append(batchOf(["safe"]));
    await at.tick();
    const before = files.readAll(`${DIRECTORY}/${logs(files)[0]!}`)!.length;
    files.failNextWrite({ path: ".log", code: "ENOSPC", bytesWritten: 70 });
    at.append(batchOf(["x".repeat(200)]));
    at.append(batchOf(["y".repeat(200)]));
    await at.tick();
    expect(at.log.failed).toMatchObject({ code: "ENOSPC" });
    expect(at.log.written.value).toBe(1);
    expect(files.readAll(`${DIRECTORY}/${logs(files)[0]!}`)!.length).toBe(before);
  });

  test("a segment that can't be made fences the log before anything of the append is taken", async () => {
    const { at, files } = await opened({ segmentBytes: 300 });
    at.append(batchOf(["a".repeat(200)]));
    await at.tick();
    files.failNextWrite({ path: ".timeindex", code: "ENOSPC" });
    expect(() => at.append(batchOf(["b".repeat(200)]))).toThrow("ENOSPC");
    expect(at.log.failed).not.toBeNull();
    expect(at.log.end).toBe(1);
    await at.reopen();
    expect(at.values()).toHaveLength(1);
  });

  test("L-11: a failing fsync fences the log; what it was for is not acknowledged", async () => {
    const { at, files } = await opened({ flushMessages: 1 });
    files.failNextSync({ path: ".log" });
    at.append(batchOf(["a"]));
    const reached = at.log.written.reached(1, { timeoutMs: 1000 });
    await at.tick();
    expect(await reached).toBe("closed");
    expect(at.log.failed).not.toBeNull();
    expect(at.log.synced).toBe(0);
  });

  test("L-11: after a failed fsync nothing counts as synced, though the next fsync would succeed", async () => {
    const { at, files } = await opened();
    at.append(batchOf(["a"]));
    await at.tick();
    files.failNextSync({ path: ".log" });
    const flushes = await Promise.allSettled([at.log.flush(), at.log.flush()]);
    expect(flushes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(at.log.synced).toBe(0);
  });

  test("a close that can't sync rejects", async () => {
    const { at, files } = await opened();
    at.append(batchOf(["a"]));
    await at.tick();
    files.failNextSync({ path: ".log" });
    await expect(at.log.close()).rejects.toThrow("sync");
  });
});

async function slow(
  config = {},
  acknowledges: "written" | "synced" = "synced",
): Promise<{ at: LogFixture; files: MemoryFiles; disk: { ms: number } }> {
  const clock = new VirtualClock();
  const files = memoryFiles();
  const disk = { ms: 0 };
  const syncs = slowSyncs(files, clock, () => ({ ms: disk.ms, isSafeFirst: false }));
  const at = await LogFixture.open({ segmentBytes: 300, ...config }, syncs, { clock, acknowledges });
  disk.ms = 3;
  return { at, files, disk };
}

describe("odradek.flush=group", () => {
  test("one sync is for all that waits, and records are acknowledged although more keep coming", async () => {
    const { at, files, disk } = await slow();
    for (let n = 0; n < 40; n++) {
      at.append(batchOf([`${n}`]));
      await at.clock.advance(2);
      expect(at.log.stored).toBe(n + 1);
      expect(at.log.written.value).toBeLessThanOrEqual(at.log.synced);
    }
    expect(at.log.written.value).toBeGreaterThan(5);
    const acknowledged = at.log.written.value;
    files.crash();
    disk.ms = 0;
    await at.reopen({ recoveryPoint: 0 });
    expect(at.log.end).toBeGreaterThanOrEqual(acknowledged);
  });

  test("a disk that hangs is taken for failed; what its sync was for is not acknowledged when it ends after all", async () => {
    const { at, disk } = await slow();
    disk.ms = 40_000;
    at.append(batchOf(["a"]));
    const reached = at.log.written.reached(1, { timeoutMs: 60_000 });
    await at.clock.advance(29_000);
    expect(at.log.failed).toBeNull();
    await at.clock.advance(2_000);
    expect(await reached).toBe("closed");
    await at.log.close();
    await at.clock.advance(200_000);
    expect([at.log.failed === null, at.log.synced, at.log.written.value]).toEqual([false, 0, 0]);
  });

  test("what a killed process left in the page cache is synced before it counts", async () => {
    const { at, files, disk } = await slow();
    for (const value of ["a", "b"]) at.append(batchOf([value]));
    await at.tick();
    files.kill();
    disk.ms = 0;
    await at.reopen();
    expect([at.log.written.value, at.log.synced]).toEqual([2, 2]);
    files.crash();
    await at.reopen();
    expect(at.values()).toEqual(["a", "b"]);
  });
});

describe("flush.messages and flush.ms", () => {
  test("flush.messages holds acknowledgements until the records are on stable storage", async () => {
    const { at, files } = await opened({ flushMessages: 3 });
    at.append(batchOf(["a"]));
    at.append(batchOf(["b"]));
    await at.tick();
    expect([at.log.written.value, at.log.synced]).toEqual([2, 0]);
    for (const value of ["c", "d", "e", "f"]) at.append(batchOf([value]));
    await at.tick();
    expect([at.log.written.value, at.log.synced]).toEqual([6, 6]);
    files.crash();
    await at.reopen();
    expect(at.values()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("a disk that hangs is taken for failed as soon as acknowledgements wait for it, not before", async () => {
    const { at, disk } = await slow({ flushMessages: 2, flushMs: 100 }, "written");
    disk.ms = 200_000;
    at.append(batchOf(["a"]));
    await at.clock.advance(50_000);
    expect([at.log.failed, at.log.written.value]).toEqual([null, 1]);
    at.append(batchOf(["b"]));
    await at.clock.advance(30_000);
    expect([at.log.failed === null, at.log.written.value]).toEqual([false, 1]);
    await at.log.close();
  });

  test("flush.ms syncs in the background; the default never does", async () => {
    const { at } = await opened({ flushMs: 100 });
    at.append(batchOf(["a"]));
    await at.tick();
    expect([at.log.written.value, at.log.synced]).toEqual([1, 0]);
    await at.clock.advance(100);
    expect(at.log.synced).toBe(1);
    const { at: lazy } = await opened();
    lazy.append(batchOf(["a"]));
    await lazy.clock.advance(1_000_000);
    expect(lazy.log.synced).toBe(0);
  });

  test("a roll moves the recovery point to the sealed segment's end and leaves a producer snapshot there", async () => {
    const { at, files } = await opened({ segmentBytes: 300 });
    for (let n = 0; n < 3; n++)
      at.append(batchOf(["x".repeat(200)], { producer: { id: 1, epoch: 0, baseSequence: n } }));
    await at.tick();
    await at.tick();
    expect(at.log.synced).toBe(2);
    expect(files.list(DIRECTORY).filter((name) => name.endsWith(".snapshot"))).toEqual([
      "00000000000000000001.snapshot",
      "00000000000000000002.snapshot",
    ]);
  });
});

describe("retention", () => {
  const DAY_MS = 86_400_000;

  async function filled(config = {}, { isIdempotent = false } = {}): Promise<{ at: LogFixture; files: MemoryFiles }> {
    const made = await opened({ segmentBytes: 400, retentionMs: 7 * DAY_MS, ...config });
    for (let n = 0; n < 12; n++) {
      const timestamp = made.at.clock.wallMs() - 10 * DAY_MS + n * DAY_MS;
      const producer = { id: 7, epoch: 0, baseSequence: n };
      made.at.append(batchOf(["x".repeat(120)], isIdempotent ? { timestamp, producer } : { timestamp }));
    }
    await made.at.tick();
    return made;
  }

  test("L-18: deletes whole old segments, only below the high watermark; files go after the delay", async () => {
    const { at, files } = await filled();
    expect(logs(files)).toHaveLength(6);
    expect(at.log.deleteOldSegments(0)).toBe(0);
    expect(at.log.deleteOldSegments(3)).toBe(1);
    expect(at.log.start).toBe(2);
    expect(at.log.deleteOldSegments(12)).toBe(0);
    await at.clock.advance(2 * DAY_MS);
    expect(at.log.deleteOldSegments(12)).toBe(1);
    expect(at.log.start).toBe(4);
    expect(files.list(DIRECTORY).some((name) => name.endsWith(".deleted"))).toBe(true);
    await at.clock.advance(60_000);
    expect(files.list(DIRECTORY).some((name) => name.endsWith(".deleted"))).toBe(false);
    expect(at.values()).toHaveLength(8);
    await at.reopen();
    expect([at.log.start, at.log.end]).toEqual([4, 12]);
  });

  test.each([
    { of: "plain records", isIdempotent: false },
    { of: "an idempotent producer", isIdempotent: true },
  ])("the active segment is rolled first when all its records have expired: $of", async ({ isIdempotent }) => {
    const { at, files } = await filled({}, { isIdempotent });
    await at.clock.advance(30 * DAY_MS);
    expect(at.log.deleteOldSegments(12)).toBe(isIdempotent ? 5 : 6);
    if (isIdempotent) {
      expect(at.log.start, "no snapshot says yet what the last records said of their producer").toBe(10);
      await at.tick();
      expect(at.log.deleteOldSegments(12)).toBe(1);
    }
    expect(logs(files)).toEqual(["00000000000000000012.log"]);
    expect([at.log.start, at.log.end]).toEqual([12, 12]);
    expect(at.log.deleteOldSegments(12)).toBe(0);
    expect(at.append(batchOf(["on"])).baseOffset).toBe(12);
    await at.tick();
    await at.reopen();
    expect(at.values()).toEqual(["on"]);
  });

  test("deletes by size, oldest first, and keeps at least as much as asked", async () => {
    const { at } = await filled({ retentionMs: Infinity, retentionBytes: 1000 });
    at.log.deleteOldSegments(12);
    expect(at.log.size).toBeGreaterThanOrEqual(1000);
    expect(at.log.size).toBeLessThan(1400);
  });

  test("L-22: records stamped in the future stay as long as they say, size still counts, and a clock that jumps back deletes nothing", async () => {
    const { at } = await opened({ segmentBytes: 400, retentionMs: DAY_MS });
    const nowMs = at.clock.wallMs();
    for (let n = 0; n < 12; n++)
      at.append(batchOf(["x".repeat(120)], { timestamp: n === 5 ? nowMs + 5 * DAY_MS : nowMs }));
    await at.tick();
    await at.clock.advance(2 * DAY_MS);
    expect(at.log.deleteOldSegments(12)).toBe(2);
    await at.clock.advance(3.5 * DAY_MS);
    expect(at.log.deleteOldSegments(12)).toBe(0);
    expect([at.log.start, at.values().length]).toEqual([4, 8]);
    at.config = { ...at.config, retentionBytes: 800 };
    expect(at.log.deleteOldSegments(12)).toBeGreaterThan(0);

    const jumped = (await filled()).at;
    const wallMs = jumped.clock.wallMs.bind(jumped.clock);
    jumped.clock.wallMs = () => wallMs() - 10 * DAY_MS;
    expect(jumped.log.deleteOldSegments(12)).toBe(0);
    expect(jumped.append(batchOf(["on"])).baseOffset).toBe(12);
  });

  test("a policy without delete is never touched, except for records below the log's start", async () => {
    const { at } = await filled({ cleanupPolicy: { delete: false, compact: true }, retentionBytes: 0 });
    await at.clock.advance(100 * DAY_MS);
    expect(at.log.deleteOldSegments(12)).toBe(0);
    at.log.moveStart(5);
    expect(at.log.deleteOldSegments(12)).toBe(2);
    expect([...at.records(at.log.start)][0]?.offset).toBe(5);
  });

  test("a log that is closed touches no file when its disk fails: another log may have its place", async () => {
    const { at, files } = await opened();
    at.append(batchOf(["a"]));
    await at.tick();
    await at.log.abandon();
    const next = await LogFixture.open({}, files);
    next.append(batchOf(["b"]));
    await next.tick();
    const before = files.readAll(`${DIRECTORY}/${logs(files)[0]!}`);
    at.log.fail(new Error("the disk is gone"));
    expect(files.readAll(`${DIRECTORY}/${logs(files)[0]!}`)).toEqual(before);
  });
});
