import { type MemoryFiles, VirtualClock } from "@odradek/kit/testing";
import { describe, expect, test } from "vitest";
import { Producers } from "../partition/producers.ts";
import { batchOf, DIRECTORY, headerOf, LogFixture, memoryFiles } from "../testing/log-fixture.ts";
import { slowSyncs } from "../testing/slow-syncs.ts";

const sent = (baseSequence: number): Buffer => batchOf(["v"], { producer: { id: 7, epoch: 0, baseSequence } });

/** What a leader says of the producer once it has sent far more. */
const later = (): Buffer => {
  const producers = new Producers();
  const batch = headerOf(sent(29));
  batch.baseOffset = 29;
  producers.batch(batch);
  return producers.snapshot();
};

const snapshots = (files: MemoryFiles): number[] =>
  files.list(DIRECTORY).flatMap((name) => (name.endsWith(".snapshot") ? [Number.parseInt(name, 10)] : []));

/** A log that its producer sent `count` batches to. */
async function logOf(count: number): Promise<{ at: LogFixture; files: MemoryFiles }> {
  const files = memoryFiles();
  const at = await LogFixture.open({ segmentBytes: 200 }, files);
  for (let sequence = 0; sequence < count; sequence++) at.append(sent(sequence));
  await at.log.flush();
  return { at, files };
}

describe("I-04: a new start that was prepared and does not come", () => {
  test.each([0, 1, 5])("leaves nothing behind when a log of %i batches is closed", async (count) => {
    const { at, files } = await logOf(count);
    const known = at.derived.snapshot();
    await at.log.snapshots.prepare(30, later());
    await at.log.close();
    expect(snapshots(files).filter((offset) => offset > count)).toEqual([]);
    await at.reopen({ cleanShutdown: true, recoveryPoint: count });
    expect(at.derived.snapshot()).toEqual(known);
  });

  test.each([0, 1, 5])("is not believed by the next process, which has %i batches", async (count) => {
    const { at, files } = await logOf(count);
    const known = at.derived.snapshot();
    await at.log.close();
    await files.replace(`${DIRECTORY}/${"30".padStart(20, "0")}.snapshot`, later());
    await at.reopen({ cleanShutdown: true, recoveryPoint: count });
    expect(at.log.end).toBe(count);
    expect(at.derived.snapshot()).toEqual(known);
    expect(snapshots(files).filter((offset) => offset > count)).toEqual([]);
  });
});

test("I-04: a new start that was prepared outlives the snapshot of a segment that comes between", async () => {
  const { at, files } = await logOf(5);
  await Promise.all([at.log.snapshots.prepare(30, later()), at.log.snapshots.save(5, at.derived.snapshot(), () => [])]);
  expect(snapshots(files)).toEqual([5, 30]);
  at.log.truncateFullyAndStartAt(30);
  expect(at.derived.snapshot()).toEqual(later());
});

test("snapshots that belong to no segment go with the next one, also when that is there already", async () => {
  const { at, files } = await logOf(5);
  await at.log.snapshots.save(3, at.derived.snapshot(), () => [3]);
  await at.log.snapshots.save(5, at.derived.snapshot(), () => [3]);
  await at.log.snapshots.save(5, at.derived.snapshot(), () => []);
  expect(snapshots(files)).toEqual([5]);
});

test.each([
  { what: "waits for what a snapshot says of the producers", records: sent, goAtOnce: 0 },
  { what: "waits for no snapshot where no producer is known", records: () => batchOf(["v"]), goAtOnce: 3 },
])("I-08: retention $what", async ({ records, goAtOnce }) => {
  const clock = new VirtualClock();
  let ms = 0;
  const disk = slowSyncs(memoryFiles(), clock, () => ({ ms, isSafeFirst: false }));
  const at = await LogFixture.open({ segmentBytes: 100, retentionBytes: 100 }, disk, { clock });
  ms = 1000;
  for (let sequence = 0; sequence < 5; sequence++) at.append(records(sequence));
  await at.tick();
  expect(at.log.deleteOldSegments(5)).toBe(goAtOnce);
  await clock.advance(60_000);
  expect(goAtOnce + at.log.deleteOldSegments(5)).toBe(3);
});
