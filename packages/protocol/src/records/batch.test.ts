import { test } from "vitest";
import { ErrorCode } from "../errors.ts";
import { assembleBatch, Batch } from "./batch.ts";
import { validateBatches } from "./validate.ts";

// Two records, a=1 and b=null with header hk=hv; read and accepted by Kafka 4.3.1's own DumpLogSegments.
const golden = Buffer.from(
  "0000000000000000000000480000000002a0bbd6470000000000010000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff00000002" +
    "1000000002610231001a000a020262010204686b046876",
  "hex",
);

test("the header of a batch Kafka wrote reads as Kafka meant it", ({ expect }) => {
  const batch = new Batch(golden);
  expect(batch.size).toBe(golden.length);
  expect(batch.baseTimestamp).toBe(1_700_000_000_000);
  expect(batch.maxTimestamp).toBe(1_700_000_000_005);
  expect(batch.producerId).toBe(-1);
  expect(batch.baseSequence).toBe(-1);
  expect(batch.recordsCount).toBe(2);
  expect(batch.lastOffset).toBe(1);
  expect(batch.crc).toBe(batch.computeCrc());
});

test("assembling the same header and records gives the same bytes", ({ expect }) => {
  const batch = new Batch(golden);
  const { baseOffset, partitionLeaderEpoch, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp } = batch;
  const { producerId, producerEpoch, baseSequence, recordsCount } = batch;
  const header = { baseOffset, partitionLeaderEpoch, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp };
  expect(assembleBatch({ ...header, producerId, producerEpoch, baseSequence, recordsCount }, batch.payload)).toEqual(
    golden,
  );
});

test("base offset and leader epoch can be patched without touching the checksum", ({ expect }) => {
  const batch = new Batch(Buffer.from(golden));
  batch.baseOffset = 2 ** 40 + 7;
  batch.partitionLeaderEpoch = 12;
  expect(batch.baseOffset).toBe(2 ** 40 + 7);
  expect(batch.lastOffset).toBe(2 ** 40 + 8);
  expect(batch.partitionLeaderEpoch).toBe(12);
  expect(validateBatches(batch.bytes).is).toBe("valid");
});

test("log append time renews the checksum", ({ expect }) => {
  const batch = new Batch(Buffer.from(golden));
  batch.setLogAppendTime(1_800_000_000_000);
  expect(batch.isLogAppendTime).toBe(true);
  expect(batch.maxTimestamp).toBe(1_800_000_000_000);
  expect(validateBatches(batch.bytes).is).toBe("valid");
});

test("batches back to back are found at their places", ({ expect }) => {
  const validated = validateBatches(Buffer.concat([golden, golden, golden]));
  expect(validated.is === "valid" && validated.batches.map((batch) => batch.at)).toEqual([
    0,
    golden.length,
    2 * golden.length,
  ]);
});

test("N-15: every changed bit under the checksum is CORRUPT_MESSAGE", ({ expect }) => {
  for (let at = 17; at < golden.length; at++) {
    const bytes = Buffer.from(golden);
    bytes[at]! ^= 1 << (at % 8);
    expect(validateBatches(bytes)).toMatchObject({ is: "invalid", errorCode: ErrorCode.CORRUPT_MESSAGE });
  }
});

test("N-15: a batch cut off anywhere is CORRUPT_MESSAGE", ({ expect }) => {
  for (let size = 1; size < golden.length; size++) {
    expect(validateBatches(golden.subarray(0, size))).toMatchObject({
      is: "invalid",
      errorCode: ErrorCode.CORRUPT_MESSAGE,
    });
  }
});

const changed = (change: Partial<Parameters<typeof assembleBatch>[0]>): Buffer => {
  const batch = new Batch(golden);
  const { baseOffset, partitionLeaderEpoch, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp } = batch;
  const { producerId, producerEpoch, baseSequence, recordsCount } = batch;
  const header = { baseOffset, partitionLeaderEpoch, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp };
  return assembleBatch({ ...header, producerId, producerEpoch, baseSequence, recordsCount, ...change }, batch.payload);
};

test.for([
  ["a count that is not last offset delta + 1", { recordsCount: 3 }, ErrorCode.INVALID_RECORD],
  ["no records", { recordsCount: 0, lastOffsetDelta: -1 }, ErrorCode.INVALID_RECORD],
  ["a control batch", { attributes: 0x20 }, ErrorCode.INVALID_RECORD],
  ["an unknown compression", { attributes: 5 }, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE],
  ["a producer without sequence", { producerId: 7, producerEpoch: 0 }, ErrorCode.INVALID_RECORD],
  ["a transaction without producer", { attributes: 0x10 }, ErrorCode.INVALID_RECORD],
] as const)("N-15: %s from a client is refused", ([, change, errorCode], { expect }) => {
  expect(validateBatches(changed(change))).toMatchObject({ is: "invalid", errorCode });
});

test("what only compaction and coordinators write is accepted from a leader", ({ expect }) => {
  expect(validateBatches(changed({ attributes: 0x20 }), "leader").is).toBe("valid");
  expect(validateBatches(changed({ recordsCount: 0, lastOffsetDelta: 5 }), "leader").is).toBe("valid");
});

test("sequences wrap from 2^31 - 1 to 0", ({ expect }) => {
  expect(new Batch(changed({ producerId: 1, producerEpoch: 0, baseSequence: 0x7fff_ffff })).lastSequence).toBe(0);
});
