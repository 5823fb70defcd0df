import { describe, expect, test } from "vitest";
import { MemoryFiles, SeededRandom } from "@odradek/kit/testing";
import { markBoot, mayHaveLost } from "./boot-mark.ts";
import { formatCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { markCleanShutdown, takeCleanShutdown } from "./clean-shutdown.ts";
import { claimDirectory } from "./meta-properties.ts";
import { OffsetCheckpoint } from "./offset-checkpoint.ts";
import { readTopicId, writeTopicId } from "./partition-metadata.ts";
import { deletedName, isDeletedName, parsePartitionName, partitionName } from "./partition-names.ts";
import { ReadPool } from "./read-pool.ts";

function disk(): MemoryFiles {
  const files = new MemoryFiles();
  files.makeDirectory("/d");
  return files;
}

describe("text checkpoints", () => {
  test("are a version, a count and lines", () => {
    expect(
      String(
        formatCheckpoint([
          ["a", 0, 7],
          ["b", 1, 8],
        ]),
      ),
    ).toBe("0\n2\na 0 7\nb 1 8\n");
    expect(parseCheckpoint(formatCheckpoint([["a", 0, 7]]))).toEqual([["a", "0", "7"]]);
    expect(parseCheckpoint(formatCheckpoint([]))).toEqual([]);
  });

  test("L-07: no prefix of one is taken for whole, but for one that lost nothing", () => {
    const whole = formatCheckpoint([
      ["words", 0, 7],
      ["words", 1, 8],
    ]);
    for (let bytes = 0; bytes < whole.length; bytes++) expect(parseCheckpoint(whole.subarray(0, bytes))).toBeNull();
    expect(parseCheckpoint(Buffer.from("1\n0\n"))).toBeNull();
    expect(parseCheckpoint(null)).toBeNull();
  });

  test("offsets come back; a damaged file counts as empty, a damaged line as absent", async () => {
    const files = disk();
    const one = new OffsetCheckpoint(files, "/d/c");
    one.set({ topic: "a-b", partition: 3, offset: 2 ** 40 });
    one.set({ topic: "gone", partition: 0, offset: 1 });
    one.delete("gone", 0);
    await Promise.all([one.save(), one.save()]);
    expect(new OffsetCheckpoint(files, "/d/c").get("a-b", 3)).toBe(2 ** 40);
    expect(new OffsetCheckpoint(files, "/d/c").get("gone", 0)).toBeUndefined();
    await files.replace("/d/c", Buffer.from("0\n2\na 0 x\nb 0 5\n"));
    expect(new OffsetCheckpoint(files, "/d/c").get("a", 0)).toBeUndefined();
    expect(new OffsetCheckpoint(files, "/d/c").get("b", 0)).toBe(5);
  });
});

describe("P-15: what a data directory may have lost", () => {
  const unclean = { clean: false };

  test("an ordinary crash loses nothing, a power loss may, a shutdown in order before it loses nothing", async () => {
    const files = disk();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(true);
    await markBoot(files, "/d");
    files.kill();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(false);
    files.crash();
    expect(await mayHaveLost(files, "/d", { clean: true })).toBe(false);
    expect(await mayHaveLost(files, "/d", unclean)).toBe(true);
  });

  test("with odradek.flush=group a power loss takes nothing that counts, an emptied disk everything", async () => {
    const files = disk();
    await markBoot(files, "/d", { synced: true });
    files.crash();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(false);
    await markBoot(files, "/d");
    files.crash();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(true);
  });

  test("a process that ends before the cluster knows does not make it forgotten, however it ends", async () => {
    const files = disk();
    await markBoot(files, "/d");
    files.crash();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(true);
    files.kill();
    expect(await mayHaveLost(files, "/d", unclean)).toBe(true);
    expect(await mayHaveLost(files, "/d", { clean: true })).toBe(true);
    await markBoot(files, "/d");
    expect(await mayHaveLost(files, "/d", unclean)).toBe(false);
  });
});

test("offsets that did not change are not written again; a save that failed is tried again", async () => {
  const files = disk();
  const one = new OffsetCheckpoint(files, "/d/c");
  one.set({ topic: "a", partition: 0, offset: 1 });
  files.failNextWrite();
  await expect(one.save()).rejects.toThrow("EIO");
  await one.save();
  await files.remove("/d/c");
  one.set({ topic: "a", partition: 0, offset: 1 });
  one.delete("b", 0);
  await one.save();
  expect(files.exists("/d/c")).toBe(false);
  one.set({ topic: "a", partition: 0, offset: 2 });
  await one.save();
  expect(String(files.readAll("/d/c"))).toBe("0\n1\na 0 2\n");
});

describe("names", () => {
  test("the partition follows the last dash", () => {
    expect(parsePartitionName("my-topic-1-12")).toEqual({ topic: "my-topic-1", partition: 12 });
    expect(parsePartitionName(partitionName("a.b_c", 0))).toEqual({ topic: "a.b_c", partition: 0 });
    for (const name of ["words", "words-", "-0", "words-01", "words-x", ".lock", "meta.properties", "a b-0"])
      expect(parsePartitionName(name)).toBeNull();
  });

  test("a deleted directory is no partition", () => {
    const name = deletedName("words-0", Buffer.alloc(16, 0xab));
    expect(name).toBe(`words-0.${"ab".repeat(16)}-delete`);
    expect(isDeletedName(name)).toBe(true);
    expect(parsePartitionName(name)).toBeNull();
    expect(isDeletedName("words-delete-0")).toBe(false);
  });
});

test("partition.metadata holds the topic's id, as Kafka writes it", async () => {
  const files = disk();
  expect(readTopicId(files, "/d")).toBeNull();
  await writeTopicId(files, "/d", "AbCdEfGhIjKlMnOpQrStUv");
  expect(String(files.readAll("/d/partition.metadata"))).toBe("version: 0\ntopic_id: AbCdEfGhIjKlMnOpQrStUv");
  expect(readTopicId(files, "/d")).toBe("AbCdEfGhIjKlMnOpQrStUv");
  await files.replace("/d/partition.metadata", Buffer.from("version: 0\ntopic_id: short"));
  expect(readTopicId(files, "/d")).toBeNull();
});

test("meta.properties may have been written by Kafka", async () => {
  const files = disk();
  const text = "#\n#Mon Jan 01 00:00:00 UTC 2024\nnode.id = 3\ndirectory.id=abc\r\nversion=1\ncluster.id:xyz\n";
  await files.replace("/d/meta.properties", Buffer.from(text));
  const random = new SeededRandom(1);
  expect(await claimDirectory(files, "/d", { clusterId: "xyz", nodeId: 3, random })).toBe("abc");
  await expect(claimDirectory(files, "/d", { clusterId: "xyz", nodeId: 4, random })).rejects.toThrow("node.id=3");
});

test("L-06: once taken, the marker of a clean shutdown is gone even after a power loss", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const files = new MemoryFiles(seed);
    files.makeDirectory("/d");
    await files.syncDirectory("/");
    expect(await takeCleanShutdown(files, "/d")).toMatchObject({ clean: false });
    await markCleanShutdown(files, "/d", ["stray-0"]);
    expect(await takeCleanShutdown(files, "/d")).toEqual({ clean: true, unchecked: new Set(["stray-0"]) });
    files.crash();
    expect(await takeCleanShutdown(files, "/d")).toMatchObject({ clean: false });
  }
});

test("a marker of Kafka's is taken, a damaged one is not", async () => {
  const files = disk();
  for (const [text, clean] of [
    ['{"version":0,"brokerEpoch":7}', true],
    ['{"version":0', false],
    ["", false],
    ["null", false],
  ] as const) {
    await files.replace("/d/.kafka_cleanshutdown", Buffer.from(text));
    expect(await takeCleanShutdown(files, "/d")).toMatchObject({ clean });
  }
});

describe("read pool", () => {
  test("gives the same buffers again, in sizes that double, and keeps a bounded number of bytes", () => {
    const pool = new ReadPool(20_000);
    const small = pool.take(100);
    expect(small.length).toBe(4096);
    pool.give(small);
    expect(pool.take(4096)).toBe(small);
    expect(pool.take(4097).length).toBe(8192);
    expect(pool.take(8192).length).toBe(8192);
    for (let n = 0; n < 10; n++) pool.give(Buffer.alloc(8192));
    expect(pool.idleBytes).toBe(16_384);
    const huge = pool.take(100 * 1024 * 1024);
    expect(huge.length).toBe(100 * 1024 * 1024);
    pool.give(huge);
    expect(pool.idleBytes).toBe(16_384);
  });
});
