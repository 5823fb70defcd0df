import { buildBatch, type FetchResponse } from "@odradek/protocol";
import { test } from "vitest";
import { KafkaError } from "../errors.ts";
import { decodeFetched } from "./decode.ts";

type Fetched = FetchResponse["responses"][number]["partitions"][number];
const fetched = (records: Buffer, aborted: Fetched["abortedTransactions"] = null): Fetched => ({
  partitionIndex: 0,
  errorCode: 0,
  highWatermark: 100,
  lastStableOffset: 100,
  logStartOffset: 0,
  divergingEpoch: { epoch: -1, endOffset: -1 },
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
  snapshotId: { endOffset: -1, epoch: -1 },
  preferredReadReplica: -1,
  abortedTransactions: aborted,
  records,
});

const values = (...list: string[]): { value: Buffer }[] => list.map((value) => ({ value: Buffer.from(value) }));
const transactional = (baseOffset: number, id: number, ...list: string[]): Buffer =>
  buildBatch({
    records: values(...list),
    baseOffset,
    isTransactional: true,
    producer: { id, epoch: 0, baseSequence: 0 },
  });
const marker = (baseOffset: number, id: number): Buffer =>
  buildBatch({
    records: values("marker"),
    baseOffset,
    isTransactional: true,
    isControl: true,
    producer: { id, epoch: 0, baseSequence: 0 },
  });

const read = (from: Fetched, position: number): [string[], number] => {
  const { records, nextOffset } = decodeFetched("t-0", from, position);
  return [records.map(({ value }) => value!.toString()), nextOffset];
};

test("a batch that begins before the position gives only what is asked for", ({ expect }) => {
  const batch = buildBatch({ records: values("a", "b", "c"), baseOffset: 10, compression: "lz4" });
  expect(read(fetched(batch), 11)).toEqual([["b", "c"], 13]);
  expect(read(fetched(batch), 13)).toEqual([[], 13]);
});

test("records of aborted transactions and all markers are left out, and the position goes past them", ({ expect }) => {
  const log = Buffer.concat([
    transactional(0, 7, "aborted"),
    transactional(1, 8, "committed"),
    marker(2, 7),
    marker(3, 8),
    transactional(4, 7, "later"),
    marker(5, 7),
  ]);
  expect(read(fetched(log, [{ producerId: 7, firstOffset: 0 }]), 0)).toEqual([["committed", "later"], 6]);
  expect(read(fetched(log), 0)).toEqual([["aborted", "committed", "later"], 6]);
});

test("a batch cut off at the end of the answer waits for the next fetch", ({ expect }) => {
  const batch = buildBatch({ records: values("a") });
  expect(read(fetched(Buffer.concat([batch, batch.subarray(0, 40)])), 0)).toEqual([["a"], 1]);
});

test("a damaged batch is an error, never a record", ({ expect }) => {
  const batch = buildBatch({ records: values("a") });
  batch[batch.length - 2]! ^= 1;
  expect(() => read(fetched(batch), 0)).toThrow(KafkaError);
});
