import { describe, expect, test } from "vitest";
import { Batch, buildBatch, crc32c, ErrorCode } from "@odradek/protocol";
import { Producers } from "./producers.ts";

const LAST = 2 ** 31 - 1;

function batch(
  sequence: number,
  options: { count?: number; epoch?: number; id?: number; offset?: number } = {},
): Batch {
  const { count = 1, epoch = 0, id = 7, offset = sequence } = options;
  const records = Array.from({ length: count }, () => ({ value: null, timestamp: 500 }));
  return new Batch(buildBatch({ records, baseOffset: offset, producer: { id, epoch, baseSequence: sequence } }));
}

function remembering(...batches: Batch[]): Producers {
  const producers = new Producers();
  for (const one of batches) producers.batch(one);
  return producers;
}

const outOfOrder = { is: "refused", error: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER };

describe("idempotent producers", () => {
  test("I-01, I-02: any of the last five batches is a duplicate with its original offset", () => {
    const producers = remembering(...[0, 1, 2, 3, 4, 5].map((n) => batch(n * 3, { count: 3, offset: 100 + n * 10 })));
    for (const n of [1, 2, 3, 4, 5])
      expect(producers.check(batch(n * 3, { count: 3 }))).toEqual({
        is: "duplicate",
        baseOffset: 100 + n * 10,
        lastOffset: 102 + n * 10,
        timestamp: 500,
      });
    expect(producers.check(batch(0, { count: 3 }))).toEqual(outOfOrder);
    expect(producers.check(batch(15, { count: 2 }))).toEqual(outOfOrder);
    expect(producers.check(batch(18))).toEqual({ is: "next" });
    expect(producers.check(batch(19))).toEqual(outOfOrder);
  });

  test("I-03: sequences wrap from 2^31 - 1 to 0, within a batch too", () => {
    expect(remembering(batch(LAST, { offset: 0 })).check(batch(0))).toEqual({ is: "next" });
    const wrapped = remembering(batch(LAST - 1, { count: 4, offset: 0 }));
    expect(wrapped.check(batch(2))).toEqual({ is: "next" });
    expect(wrapped.check(batch(LAST - 1, { count: 4 }))).toMatchObject({ is: "duplicate" });
    expect(wrapped.check(batch(1))).toEqual(outOfOrder);
  });

  test("I-05: a new epoch begins at 0 and an old one is fenced; sequences of another epoch are no duplicates", () => {
    const producers = remembering(batch(0), batch(1), batch(0, { epoch: 1, offset: 2 }));
    expect(producers.check(batch(1, { epoch: 0 }))).toEqual({ is: "refused", error: ErrorCode.INVALID_PRODUCER_EPOCH });
    expect(producers.check(batch(0, { epoch: 1 }))).toMatchObject({ is: "duplicate", baseOffset: 2 });
    expect(producers.check(batch(1, { epoch: 1 }))).toEqual({ is: "next" });
    expect(producers.check(batch(1, { epoch: 2 }))).toEqual(outOfOrder);
    expect(producers.check(batch(0, { epoch: 2 }))).toEqual({ is: "next" });
  });

  test("I-04: a log that begins at an offset is told of the batches before it, and of nothing that it has itself", () => {
    const producers = remembering(
      ...[0, 1, 2, 3].map((n) => batch(n, { offset: n * 10 })),
      batch(0, { id: 8, offset: 40 }),
    );
    const told = new Producers();
    expect(told.restore(producers.snapshotBelow(20))).toBe(true);
    expect(told.check(batch(1))).toMatchObject({ is: "duplicate", baseOffset: 10 });
    expect(told.check(batch(2))).toEqual({ is: "next" });
    expect(told.check(batch(3))).toEqual(outOfOrder);
    expect(told.check(batch(5, { id: 8 }))).toEqual({ is: "next" });
    for (const n of [2, 3]) told.batch(batch(n, { offset: n * 10 }));
    told.batch(batch(0, { id: 8, offset: 40 }));
    expect(told.snapshot()).toEqual(producers.snapshot());
  });

  test("I-06: a check changes nothing", () => {
    const producers = remembering(batch(0));
    for (let n = 0; n < 3; n++) expect(producers.check(batch(1))).toEqual({ is: "next" });
    expect(new Producers().check(batch(42))).toEqual({ is: "next" });
  });

  test("I-07: a replica takes whatever stands in the leader's log", () => {
    const producers = remembering(batch(0), batch(40, { epoch: 3, offset: 9 }));
    expect(producers.check(batch(41, { epoch: 3 }))).toEqual({ is: "next" });
  });

  test("I-08: a producer is forgotten after its expiration, not before", () => {
    const producers = remembering(batch(0), batch(0, { id: 8 }));
    producers.expire(500 + 999, 1000);
    expect(producers.count).toBe(2);
    producers.expire(500 + 1000, 1000);
    expect(producers.count).toBe(0);
  });

  test("T-10: no producer expires while its transaction is open, and then the time of the marker counts", () => {
    const producer = { id: 7, epoch: 0, baseSequence: 0 };
    const sent = (timestamp: number, isControl: boolean): Batch =>
      new Batch(buildBatch({ records: [{ value: null, timestamp }], isTransactional: true, isControl, producer }));
    const producers = remembering(sent(500, false));
    producers.expire(500 + 5000, 1000);
    expect(producers.count).toBe(1);
    producers.batch(sent(5000, true));
    producers.expire(5000 + 999, 1000);
    expect(producers.count).toBe(1);
    producers.expire(5000 + 1000, 1000);
    expect(producers.count).toBe(0);
  });

  test("the oldest open transaction is known until its marker comes, through a snapshot too", () => {
    const transactional = (id: number, offset: number, isControl = false): Batch => {
      const records = [{ value: null, timestamp: 500 }];
      const producer = { id, epoch: 0, baseSequence: isControl ? -1 : offset };
      return new Batch(buildBatch({ records, baseOffset: offset, producer, isTransactional: true, isControl }));
    };
    const producers = remembering(transactional(1, 10), transactional(2, 11), transactional(1, 12));
    expect(producers.firstUndecided).toBe(10);
    const restored = new Producers();
    restored.restore(producers.snapshot());
    for (const of of [producers, restored]) {
      expect(of.firstUndecided).toBe(10);
      of.batch(transactional(1, 13, true));
      expect(of.firstUndecided).toBe(11);
      of.batch(transactional(2, 14, true));
      expect(of.firstUndecided).toBeNull();
    }
    producers.restore(null);
    expect(producers.firstUndecided).toBeNull();
  });

  test("a snapshot holds the last batch of each producer; a damaged one changes nothing", () => {
    const producers = remembering(batch(0), batch(LAST - 1, { id: 9, count: 4, offset: 50 }));
    const snapshot = producers.snapshot();
    expect(snapshot.length).toBe(10 + 2 * 46 + 2);
    const restored = remembering(batch(5, { id: 1 }));
    expect(restored.restore(snapshot)).toBe(true);
    expect(restored.count).toBe(2);
    expect(restored.check(batch(LAST - 1, { id: 9, count: 4 }))).toMatchObject({
      is: "duplicate",
      baseOffset: 50,
      lastOffset: 53,
    });
    expect(restored.snapshot()).toEqual(snapshot);
    for (let at = 0; at < snapshot.length; at++) {
      const damaged = Buffer.from(snapshot);
      damaged[at]! ^= 1;
      expect(restored.restore(damaged)).toBe(false);
    }
    expect(restored.restore(snapshot.subarray(0, 40))).toBe(false);
    expect(restored.count).toBe(2);
    expect(restored.restore(null)).toBe(true);
    expect(restored.count).toBe(0);
  });

  test("N-03: a snapshot that declares more producers than it has bytes for changes nothing, though its checksum is right", () => {
    const snapshot = remembering(batch(0)).snapshot();
    snapshot.writeInt32BE(0x00ff_ffff, 6);
    snapshot.writeUInt32BE(crc32c(snapshot.subarray(6)), 2);
    const producers = remembering(batch(5, { id: 1 }));
    expect(producers.restore(snapshot)).toBe(false);
    expect(producers.count).toBe(1);
  });

  test("I-02, I-10: the batches that a retry may repeat are remembered through a snapshot; Kafka's own has the last one", () => {
    const producers = remembering(...[0, 1, 2, 3, 4, 5].map((at) => batch(at, { offset: 10 + at })));
    const snapshot = producers.snapshot();
    const restored = new Producers();
    expect(restored.restore(snapshot)).toBe(true);
    for (const at of [1, 2, 3, 4, 5])
      expect(restored.check(batch(at))).toMatchObject({ is: "duplicate", baseOffset: 10 + at });
    expect(restored.check(batch(0))).toMatchObject({ is: "refused" });
    const kafkas = Buffer.from(snapshot.subarray(0, 10 + 46));
    kafkas.writeUInt32BE(crc32c(kafkas.subarray(6)), 2);
    expect(restored.restore(kafkas)).toBe(true);
    expect(restored.check(batch(5))).toMatchObject({ is: "duplicate", baseOffset: 15 });
    expect(restored.check(batch(4))).toMatchObject({ is: "refused" });
  });
});
