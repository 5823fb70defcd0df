import { expect, test } from "vitest";
import { payloadOf, readRecords } from "./payload.ts";

const read = (partition: number, ...values: (Buffer | null)[]): number[] =>
  readRecords({
    partition,
    records: values.map((value, offset) => ({ offset, value, key: null, headers: [], timestamp: 0 })),
  }).map((record) => record.value);

test("a value comes back from where it was written", () => {
  expect(read(3, ...[0, 7, 12_345_678].map((value) => Buffer.from(payloadOf(3, value))))).toEqual([0, 7, 12_345_678]);
});

test("of another partition, cut short, changed, or nothing at all: not ours", () => {
  const bytes = Buffer.from(payloadOf(3, 7));
  expect(read(4, bytes)).toEqual([-1]);
  const changed = Buffer.from(bytes);
  changed[60] = 0x30;
  expect(read(3, bytes.subarray(0, 99), changed, Buffer.alloc(0), null)).toEqual([-1, -1, -1, -1]);
});
