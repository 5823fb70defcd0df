import { FileError } from "@odradek/kit";
import type { MemoryFiles } from "@odradek/kit/testing";
import { Batch, batchesIn, buildBatch } from "@odradek/protocol";
import { expect, test } from "vitest";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { DIRECTORY, memoryFiles } from "../testing/log-fixture.ts";

/** Batches of three records each in segments of four batches, on stable storage; the third batch of the second segment is damaged. */
async function damaged(): Promise<{ words: CompactedLog; files: MemoryFiles }> {
  const files = memoryFiles();
  const words = await CompactedLog.open({ segmentBytes: 500 }, files);
  for (let n = 0; n < 16; n++) words.put([0, 1, 2].map((at) => [`k${n}-${at}`, `${n}`.padEnd(20)] as const));
  await words.roll();
  await words.log.flush();
  const { segment } = words.log.sealed.list()[1]!;
  const bytes = files.readAll(segment.path)!;
  const { at, size } = [...batchesIn(bytes)][1]!;
  const file = files.open(segment.path);
  file.write([Buffer.alloc(size - 60, 0xee)], at + 30);
  file.close();
  return { words, files };
}

/** What a peer has of the damaged batch after its own compaction: one record less, and a value of another size. */
function otherwise(from: number, epoch: number): Buffer {
  const records = buildBatch({
    timestamp: 1_700_000_000_000,
    records: [{ key: Buffer.from("kept"), value: Buffer.from("another size") }],
  });
  const batch = new Batch(records);
  batch.baseOffset = from;
  batch.partitionLeaderEpoch = epoch;
  return records;
}

const offsets = (words: CompactedLog): number[] => words.entries().map(({ offset }) => offset);

test("L-02: a damaged stretch of a sealed segment takes what a peer's compaction has left of it, whatever its size", async () => {
  const { words, files } = await damaged();
  const [damage, ...others] = await words.log.inspection.examine();
  expect(others).toEqual([]);
  const { from, to } = damage!;
  expect(await words.log.inspection.mend(damage!, otherwise(from, 0), false)).toBe(false);
  expect(await words.log.inspection.mend(damage!, otherwise(from, 0), true)).toBe(true);
  expect(await words.log.inspection.examine()).toEqual([]);
  const wanted = Array.from({ length: words.log.end }, (_, offset) => offset).filter(
    (offset) => offset <= from || offset >= to,
  );
  expect(offsets(words)).toEqual(wanted);
  expect(words.entries().find(({ offset }) => offset === from)).toMatchObject({ key: "kept" });
  files.kill();
  await words.at.reopen({ recoveryPoint: 0 });
  expect(offsets(words)).toEqual(wanted);
  expect(files.list(DIRECTORY).filter((name) => /cleaned|swap/.test(name))).toEqual([]);
});

test("L-02: a stretch of which a peer's compaction has left nothing goes; two don't write one segment anew at once", async () => {
  const { words } = await damaged();
  const [damage] = await words.log.inspection.examine();
  const { segment } = words.log.sealed.list()[1]!;
  const other = words.log.sealed.createCleaned(segment.baseOffset);
  await expect(words.log.inspection.mend(damage!, Buffer.alloc(0), true)).rejects.toThrow("already");
  words.log.sealed.discard(other);
  expect(await words.log.inspection.mend(damage!, Buffer.alloc(0), false)).toBe(false);
  expect(await words.log.inspection.mend(damage!, Buffer.alloc(0), true)).toBe(true);
  expect(offsets(words).filter((offset) => offset >= damage!.from && offset < damage!.to)).toEqual([]);
  expect(await words.log.inspection.examine()).toEqual([]);
});

test("what can't be written anew leaves no file open, and is written anew later", async () => {
  const { words, files } = await damaged();
  const [damage] = await words.log.inspection.examine();
  const { segment } = words.log.sealed.list()[1]!;
  const open = files.open.bind(files);
  let refused = "";
  let openCount = 0;
  files.open = (path, options) => {
    if (refused !== "" && path.endsWith(refused)) throw new FileError("open", path, new Error("EMFILE"));
    const file = open(path, options);
    const close = file.close.bind(file);
    openCount++;
    return Object.assign(file, { close: () => (openCount--, close()) });
  };
  const mend = (): Promise<boolean> => words.log.inspection.mend(damage!, otherwise(damage!.from, 0), true);
  const other = words.log.sealed.createCleaned(segment.baseOffset);
  await expect(mend()).rejects.toThrow("already");
  words.log.sealed.discard(other);
  for (refused of [".log.cleaned", segment.path]) await expect(mend()).rejects.toThrow("EMFILE");
  expect(openCount).toBe(0);
  refused = "";
  expect(await mend()).toBe(true);
});

test("nothing is written anew while more of the segment is damaged, or when the log was cut meanwhile", async () => {
  const { words, files } = await damaged();
  const { segment } = words.log.sealed.list()[1]!;
  const bytes = files.readAll(segment.path)!;
  const third = [...batchesIn(bytes)].at(-1)!;
  const [damage] = await words.log.inspection.examine();
  const file = files.open(segment.path);
  file.write([Buffer.alloc(third.size - 60, 0xee)], third.at + 30);
  file.close();
  expect(await words.log.inspection.mend(damage!, otherwise(damage!.from, 0), true)).toBe(false);
  expect(files.readAll(segment.path)!.length).toBe(bytes.length);

  const { words: other } = await damaged();
  const [stretch] = await other.log.inspection.examine();
  const mending = other.log.inspection.mend(stretch!, otherwise(stretch!.from, 0), true);
  other.log.truncateTo(stretch!.from);
  expect(await mending.catch(() => false)).toBe(false);
  expect(other.log.failed).toBeNull();
});
