import { type Files, silentLogger } from "@odradek/kit";
import { MemoryFiles, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { batchesIn } from "@odradek/protocol";
import { describe, expect, test } from "vitest";
import { DerivedPartitionState } from "../partition/derived-partition-state.ts";
import { batchOf, logConfig } from "../testing/log-fixture.ts";
import { Directories, DoubledReplicaError, OfflineReplicaError } from "./directories.ts";
import type { Log } from "./log.ts";

const clock = new VirtualClock();
const random = new SeededRandom(1);

function open(files: Files, directories = ["/one", "/two"]): Promise<Directories> {
  const owner = { clusterId: "c", nodeId: 1, recoveriesAtOnce: 2, flush: "kafka" as const };
  return Directories.open({ ...owner, directories, files, clock, random, logger: silentLogger });
}

async function openLog(
  at: Directories,
  files: MemoryFiles,
  partition: number,
  isNew = true,
  topicId = "A".repeat(22),
): Promise<Log> {
  const derive = (directory: string): DerivedPartitionState => new DerivedPartitionState(files, directory);
  const id = { topic: "words", partition, topicId };
  const { log } = await at.openLog(id, { config: () => logConfig, derive, isNew });
  return log;
}

async function append(log: Log, value: string): Promise<void> {
  const records = batchOf([value]);
  log.append(records, [...batchesIn(records)], 0);
  await clock.advance(0);
}

const placed = (files: MemoryFiles): string[][] =>
  ["/one", "/two"].map((path) => files.list(path).filter((name) => name.startsWith("words")));

test("a new partition goes where the fewest are, an old one is found where it is", async () => {
  const files = new MemoryFiles();
  const before = await open(files);
  for (let partition = 0; partition < 5; partition++) await append(await openLog(before, files, partition), "a");
  const places = placed(files);
  expect(places.map((names) => names.length)).toEqual([3, 2]);
  await before.saveHighs([{ topic: "words", partition: 1, offset: 1 }]);
  await before.close();
  const after = await open(files, ["/two", "/one"]);
  expect(after.cleanShutdown).toBe(true);
  for (let partition = 0; partition < 5; partition++) expect((await openLog(after, files, partition)).end).toBe(1);
  expect(placed(files)).toEqual(places);
  expect([after.savedHigh("words", 0), after.savedHigh("words", 1)]).toEqual([0, 1]);
});

test("L-08, L-12: the first error ends a directory with all its logs, and no other one", async () => {
  const files = new MemoryFiles();
  const at = await open(files);
  const failed: string[] = [];
  at.onFailed = ({ path }) => failed.push(path);
  const logs: Log[] = [];
  for (let partition = 0; partition < 4; partition++) logs.push(await openLog(at, files, partition));
  files.failNextWrite({ path: "/two/words-1/" });
  await append(logs[1]!, "lost");
  at.failedUnder("words", 1, logs[1]!.failed!);
  expect(failed).toEqual(["/two"]);
  expect(logs.map(({ failed: error }) => error !== null)).toEqual([false, true, false, true]);
  expect(at.isLost).toBe(false);
  await append(logs[0]!, "kept");
  await at.saveCheckpoints();
  expect(await openLog(at, files, 4)).toBeDefined();
  expect(placed(files)[0]).toContain("words-4");
  await at.close();
  expect(files.exists("/one/.kafka_cleanshutdown")).toBe(true);
  expect(files.exists("/two/.kafka_cleanshutdown")).toBe(false);
});

test("L-12: a checkpoint that can't be written ends its directory; without any the broker is lost", async () => {
  const files = new MemoryFiles();
  const at = await open(files);
  const log = await openLog(at, files, 0);
  for (const one of [log, await openLog(at, files, 1)]) {
    await append(one, "a");
    await one.flush();
  }
  files.failNextWrite({ path: "/two/recovery-point", code: "ENOSPC" });
  await at.saveCheckpoints();
  expect(at.list.map(({ failed }) => failed === null)).toEqual([true, false]);
  expect(log.failed).toBeNull();
  files.failNextSync({ path: "/one/replication-offset" });
  await at.saveHighs([{ topic: "words", partition: 0, offset: 1 }]);
  expect(at.isLost).toBe(true);
  expect(log.failed).not.toBeNull();
});

test("L-25: a process with too many files open is no fault of a disk", async () => {
  const files = new MemoryFiles();
  const at = await open(files);
  const logs = [await openLog(at, files, 0), await openLog(at, files, 2)];
  for (const code of ["EMFILE", "ENFILE"]) {
    for (const log of logs) await append(log, "a");
    files.failNextWrite({ path: "/one/recovery-point", code });
    await Promise.all(logs.map((log) => log.flush()));
    await expect(at.saveCheckpoints()).rejects.toThrow(code);
    files.failNextWrite({ path: "/one/recovery-point", code });
    const id = { topic: "words", partition: 0, topicId: "A".repeat(22) };
    await expect(at.holdRecoveryPoint(id, 0)).rejects.toThrow(code);
    await at.saveCheckpoints();
  }
  files.failNextWrite({ path: "/one/words-0/", code: "EMFILE" });
  await append(logs[0]!, "lost");
  at.failedUnder("words", 0, logs[0]!.failed!);
  expect(at.list.map(({ failed }) => failed)).toEqual([null, null]);
  expect(logs[1]!.failed).toBeNull();
  files.failNextWrite({ path: "/three/", code: "EMFILE" });
  await expect(open(files, ["/three", "/four"])).rejects.toThrow("EMFILE");
});

describe("P-15: with several directories", () => {
  /** Starts on these directories, which the cluster is told, and dies. */
  async function mayHaveLost(files: MemoryFiles, directories?: string[]): Promise<boolean> {
    const at = await open(files, directories);
    const { mayHaveLost: answer } = at;
    await at.answered();
    files.kill();
    return answer;
  }

  test("one that is taken out of log.dirs may have had what counts, until the cluster knows", async () => {
    const files = new MemoryFiles();
    expect(await mayHaveLost(files)).toBe(true);
    expect(await mayHaveLost(files)).toBe(false);
    await open(files, ["/one"]); // ends before it has told
    files.kill();
    expect(await mayHaveLost(files, ["/one"])).toBe(true);
    expect(await mayHaveLost(files, ["/one"])).toBe(false);
  });

  test.each(["/two/odradek-boot", "/one/odradek-directories"])(
    "a disk that has failed is not sure of its page cache, though %s could not be changed",
    async (stale) => {
      const files = new MemoryFiles();
      await mayHaveLost(files);
      const at = await open(files);
      expect(at.mayHaveLost).toBe(false);
      const logs = [await openLog(at, files, 0), await openLog(at, files, 1)];
      const bytes = files.readAll(stale)!;
      files.failNextSync({ path: "/two/words-1/" });
      await append(logs[1]!, "a");
      await expect(logs[1]!.flush()).rejects.toThrow("sync");
      at.failedUnder("words", 1, logs[1]!.failed!);
      await clock.advance(0);
      await files.replace(stale, bytes);
      files.kill();
      expect(await mayHaveLost(files)).toBe(true);
      expect(await mayHaveLost(files)).toBe(false);
    },
  );

  test("what a failed sync left in the page cache is written again before it counts", async () => {
    for (let seed = 0; seed < 5; seed++) {
      const files = new MemoryFiles(seed);
      await mayHaveLost(files);
      const at = await open(files);
      const log = await openLog(at, files, 0);
      await append(log, "a");
      files.failNextSync({ path: ".log", forgets: true });
      await expect(log.flush()).rejects.toThrow("sync");
      at.failedUnder("words", 0, log.failed!);
      await clock.advance(0);
      files.kill();
      await (await openLog(await open(files), files, 0)).flush();
      files.crash();
      expect((await openLog(await open(files), files, 0)).end).toBe(1);
    }
  });

  test("one that can't be opened is missed as long as it can't, and when it is then taken out", async () => {
    const files = new MemoryFiles();
    await mayHaveLost(files);
    for (let start = 0; start < 2; start++) {
      files.failNextWrite({ path: "/two/" });
      await files.remove("/two/meta.properties");
      expect(await mayHaveLost(files)).toBe(true);
    }
    expect(await mayHaveLost(files, ["/one"])).toBe(true);
    expect(await mayHaveLost(files, ["/one"])).toBe(false);
  });
});

test("L-12: so does a recovery point that can't be held for a truncation", async () => {
  const files = new MemoryFiles();
  const at = await open(files, ["/one"]);
  const log = await openLog(at, files, 0);
  await append(log, "a");
  await log.flush();
  await at.saveCheckpoints();
  files.failNextWrite({ path: "/one/recovery-point", code: "EIO" });
  const id = { topic: "words", partition: 0, topicId: "A".repeat(22) };
  await expect(at.holdRecoveryPoint(id, 0)).rejects.toThrow("recovery-point");
  expect(at.isLost).toBe(true);
  expect(log.failed).not.toBeNull();
});

test("L-12: what may be in a directory that can't be opened is made nowhere else, unless it is new", async () => {
  const files = new MemoryFiles();
  const before = await open(files);
  for (const partition of [0, 1]) await append(await openLog(before, files, partition), "a");
  await before.close();
  files.failNextWrite({ path: "/two/" });
  await files.remove("/two/meta.properties");
  const after = await open(files);
  expect(after.list.map(({ logs }) => logs === null)).toEqual([false, true]);
  await expect(openLog(after, files, 1, false)).rejects.toThrow(OfflineReplicaError);
  expect((await openLog(after, files, 0, false)).end).toBe(1);
  expect((await openLog(after, files, 2)).end).toBe(0);
  await after.close();
});

test("L-12: a disk that dies while a log is opened ends its directory, and the log is made nowhere else", async () => {
  const files = new MemoryFiles();
  const before = await open(files);
  await append(await openLog(before, files, 0), "a");
  files.kill();
  const at = await open(files);
  files.failNextSync({ path: "/one/words-0/" });
  await expect(openLog(at, files, 0, false)).rejects.toThrow("EIO");
  expect(at.list.map(({ failed }) => failed !== null)).toEqual([true, false]);
  files.rename("/one/words-0", "/one/gone"); // it answers to nothing any more
  await expect(openLog(at, files, 0, false)).rejects.toThrow(OfflineReplicaError);
  expect(placed(files)[1]).toEqual([]);
});

describe("L-12: one partition in two directories", () => {
  /** A log in the first directory, and after that has died and the partition has come again, one in the second. */
  async function doubled(topicId?: string): Promise<MemoryFiles> {
    const files = new MemoryFiles();
    await append(await openLog(await open(files), files, 0), "old");
    files.kill();
    const meta = files.readAll("/one/meta.properties")!;
    await files.remove("/one/meta.properties");
    files.failNextWrite({ path: "/one/" });
    const without = await open(files);
    const log = await openLog(without, files, 0, true, topicId);
    for (const value of ["new", "newer"]) await append(log, value);
    files.kill();
    await files.replace("/one/meta.properties", meta);
    return files;
  }

  test("is not served until one of them is gone: either may be the one that counts", async () => {
    const files = await doubled();
    const at = await open(files);
    await expect(openLog(at, files, 0, false)).rejects.toThrow(DoubledReplicaError);
    expect(placed(files)).toEqual([["words-0"], ["words-0"]]);
    await files.removeDirectory("/one/words-0");
    expect((await openLog(at, files, 0, false)).end).toBe(2);
  });

  test("goes with its topic from both", async () => {
    const files = await doubled();
    const at = await open(files);
    at.deleteLog("words", 0);
    expect(files.exists("/one/words-0") || files.exists("/two/words-0")).toBe(false);
  });

  test("P-23: the one of an older topic goes, wherever it is", async () => {
    const topicId = "B".repeat(22);
    const files = await doubled(topicId);
    expect((await openLog(await open(files), files, 0, false, topicId)).end).toBe(2);
    expect([files.exists("/one/words-0"), files.exists("/two/words-0")]).toEqual([false, true]);
  });
});

describe("L-12: a disk that hangs", () => {
  /** What is asked of the first directory's checkpoints gets no answer while `hangs`. */
  function hanging(files: MemoryFiles, state: { hangs: boolean }): Files {
    const replace = (path: string, bytes: Buffer): Promise<void> =>
      state.hangs && path.startsWith("/one/") ? new Promise(() => {}) : files.replace(path, bytes);
    const get = (_: MemoryFiles, name: keyof MemoryFiles): unknown => {
      const value: unknown = files[name];
      return name === "replace" ? replace : typeof value === "function" ? value.bind(files) : value;
    };
    return new Proxy(files, { get: (target, name) => get(target, name as keyof MemoryFiles) });
  }

  test("holds the checkpoints of the others up once, for half a minute", async () => {
    const files = new MemoryFiles();
    const state = { hangs: false };
    const at = await open(hanging(files, state));
    const logs = [await openLog(at, files, 0), await openLog(at, files, 1)];
    state.hangs = true;
    const saved = (): string => String(files.readAll("/two/recovery-point-offset-checkpoint"));
    for (const log of logs) await append(log, "a");
    await logs[1]!.flush();
    let isOver = false;
    let isSafe = false;
    void at.saveCheckpoints().then(() => (isOver = true));
    logs[0]!.moveStart(1); // by DeleteRecords, which somebody waits for
    void at.saveStarts().then(() => (isSafe = true));
    await clock.advance(1000);
    expect([saved(), isOver]).toEqual(["0\n1\nwords 1 1\n", false]);
    await clock.advance(30_000);
    expect([isOver, isSafe]).toEqual([true, false]);
    await append(logs[1]!, "b");
    await logs[1]!.flush();
    await at.saveCheckpoints();
    expect([saved(), at.list[0]!.failed]).toEqual(["0\n1\nwords 1 2\n", null]);
  });

  test("is not waited for any more when it is taken for failed", async () => {
    const files = new MemoryFiles();
    const state = { hangs: false };
    const at = await open(hanging(files, state));
    const log = await openLog(at, files, 0);
    await append(log, "a");
    await log.flush();
    state.hangs = true;
    const saving = at.saveStarts();
    at.failedUnder("words", 0, new Error("no answer"));
    await saving;
    expect(at.list.map(({ failed }) => failed === null)).toEqual([false, true]);
  });
});
