import { expect, test } from "vitest";
import { batchesIn } from "@odradek/protocol";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { readRecords } from "./read-records.ts";

type Held = { records: Buffer; nextOffset: number; release(): void };
const held = (read: Held | "damaged" | null): Held => {
  if (read === null || read === "damaged") throw new Error(`nothing was read: ${read}`);
  return read;
};

test("a consumer's read goes over what compaction has emptied to the first record; without one it gets the empty batches", async () => {
  const words = await CompactedLog.open();
  const pad = "x".repeat(100);
  for (let n = 0; n < 12; n++) words.put([["k", pad]]);
  await words.roll();
  await words.compact();
  const limits = { bytesMax: 1000, oneBatchAtLeast: true };
  const read = held(readRecords(0, (at) => words.log.read(at, { ...limits, upTo: words.log.end })));
  expect([...batchesIn(read.records)].map(({ lastOffset, recordsCount }) => [lastOffset, recordsCount])).toContainEqual(
    [11, 1],
  );
  read.release();
  const first = words.log.read(0, { ...limits, upTo: words.log.end })!;
  const upTo = first.nextOffset;
  first.release();
  const empty = held(readRecords(0, (at) => words.log.read(at, { ...limits, upTo })));
  expect([...batchesIn(empty.records)].map(({ recordsCount }) => recordsCount)).toEqual([0]);
  empty.release();
  expect(readRecords(words.log.end, (at) => words.log.read(at, { ...limits, upTo: words.log.end }))).toBeNull();
});
