import fc from "fast-check";
import { describe, test } from "vitest";
import { ProtocolError } from "../bytes/protocol-error.ts";
import { assembleBatch, Batch } from "./batch.ts";
import { batchesIn, buildBatch, readBatch } from "./batches.ts";
import { recordBytesMax, type RecordDraft } from "./record.ts";
import { emptied, unpack } from "./repack.ts";
import { validateBatches } from "./validate.ts";

const blob = fc.option(fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)));
const draft: fc.Arbitrary<RecordDraft> = fc.record({
  timestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  key: blob,
  value: blob,
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 10 }), value: blob }), { maxLength: 3 }),
});

test("what is built is valid and reads back the same, in every compression", ({ expect }) => {
  const compressions = fc.constantFrom("none", "gzip", "snappy", "lz4", "zstd");
  fc.assert(
    fc.property(
      fc.array(draft, { minLength: 1, maxLength: 20 }),
      compressions,
      fc.nat(2 ** 40),
      (records, compression, baseOffset) => {
        const bytes = buildBatch({ records, compression, baseOffset });
        expect(validateBatches(bytes).is).toBe("valid");
        const read = readBatch(new Batch(bytes));
        expect(read).toEqual(records.map((record, i) => ({ ...record, offset: baseOffset + i })));
        expect(new Batch(bytes).maxTimestamp).toBe(Math.max(...records.map((record) => record.timestamp!)));
      },
    ),
  );
});

test("the two records of Kafka's checked vector are built to the same bytes", ({ expect }) => {
  const records = [
    { key: Buffer.from("a"), value: Buffer.from("1") },
    {
      key: Buffer.from("b"),
      value: null,
      timestamp: 1_700_000_000_005,
      headers: [{ key: "hk", value: Buffer.from("hv") }],
    },
  ];
  expect(buildBatch({ records, timestamp: 1_700_000_000_000, partitionLeaderEpoch: 0 }).toString("hex")).toBe(
    "0000000000000000000000480000000002a0bbd6470000000000010000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff00000002" +
      "1000000002610231001a000a020262010204686b046876",
  );
});

test("the bound of a record's size is one", ({ expect }) => {
  fc.assert(
    fc.property(draft, (record) => {
      expect(buildBatch({ records: [record] }).length - 61).toBeLessThanOrEqual(recordBytesMax(record));
    }),
  );
});

test("N-15: a batch that declares more records than it holds is a ProtocolError", ({ expect }) => {
  const batch = new Batch(buildBatch({ records: [{ value: Buffer.from("x") }] }));
  const header = {
    baseOffset: 0,
    partitionLeaderEpoch: 0,
    attributes: 0,
    lastOffsetDelta: 0x7fff_fffe,
    baseTimestamp: 0,
    maxTimestamp: 0,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordsCount: 0x7fff_ffff,
  };
  const lying = new Batch(assembleBatch(header, batch.payload));
  expect(validateBatches(lying.bytes).is).toBe("valid"); // the count agrees with the delta; only unpacking can tell
  expect(() => readBatch(lying)).toThrow(ProtocolError);
});

test("random payloads are records or a ProtocolError", ({ expect }) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(20),
      (payload, attributes, recordsCount) => {
        const times = { baseTimestamp: 0, maxTimestamp: 0, producerId: -1, producerEpoch: -1, baseSequence: -1 };
        const header = {
          baseOffset: 0,
          partitionLeaderEpoch: 0,
          attributes,
          lastOffsetDelta: 0,
          recordsCount,
          ...times,
        };
        try {
          readBatch(new Batch(assembleBatch(header, Buffer.from(payload))));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      },
    ),
  );
});

test("the whole batches of a cut-off fetch are found", ({ expect }) => {
  const one = buildBatch({ records: [{ value: Buffer.from("x") }] });
  const three = Buffer.concat([one, one, one]);
  for (let size = 0; size <= three.length; size++) {
    expect([...batchesIn(three.subarray(0, size))]).toHaveLength(Math.floor(size / one.length));
  }
});

describe("what compaction makes of a hostile batch", () => {
  const records = [{ value: Buffer.from("a") }, { value: Buffer.from("b") }];

  /** The batch with other bytes in the place of its records', and the checksum that fits. */
  const forged = (change: (batch: Batch) => void): Batch => {
    const batch = new Batch(buildBatch({ records, timestamp: 5 }));
    change(batch);
    batch.bytes.writeUInt32BE(batch.computeCrc(), 17);
    return batch;
  };

  test("N-15: a record that claims an offset outside of its batch, or twice, is malformed", ({ expect }) => {
    const first = 61 + 3; // behind length, attributes and timestamp delta of the first record
    for (const delta of [0x7f, 4, 2])
      expect(() => unpack(forged(({ bytes }) => void bytes.writeUInt8(delta, first)))).toThrow(ProtocolError);
    expect(unpack(forged(() => undefined)).map(({ offset }) => offset)).toEqual([0, 1]);
  });

  test("N-18: the largest timestamp there is stays as it is in a batch without records", ({ expect }) => {
    const batch = forged(({ bytes }) => void bytes.writeBigInt64BE(2n ** 63n - 1n, 35));
    const after = new Batch(emptied(batch));
    expect(after.bytes.readBigInt64BE(35)).toBe(2n ** 63n - 1n);
    expect(after.crc).toBe(after.computeCrc());
  });

  test("N-18: records whose times can't be counted exactly are malformed", ({ expect }) => {
    expect(() => unpack(forged(({ bytes }) => void bytes.writeBigInt64BE(2n ** 60n, 27)))).toThrow("timestamp");
  });
});
