import { readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  Batch,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  batchesIn,
  buildBatch,
  Compression,
  type CompressionCodec,
  type CompressionName,
  emptied,
  MAGIC,
  ProtocolError,
  readBatch,
  repack,
  unpack,
  validateBatches,
} from "@odradek/protocol";
import { compress, decompress } from "../../../packages/protocol/src/records/compression/compression.ts";
import { expect, type Target } from "../target.ts";

const isProtocolError = (error: unknown): boolean => error instanceof ProtocolError;

/** So much may come out of the compressed inputs here; a bomb wants more. */
const UNPACKED_BYTES_MAX = 256 * 1024;
/** Output, the same again while it grows, and zlib's own chunks. */
const UNPACKING_BYTES = 4 * UNPACKED_BYTES_MAX;

const names = Object.keys(Compression) as CompressionName[];
const codecs = Object.values(Compression);

/** Makes each batch in `bytes` whole: magic, length and checksum; a last one takes what is left. */
export function repairBatches(bytes: Buffer): void {
  for (let at = 0; bytes.length - at >= BATCH_HEADER_BYTES;) {
    bytes[at + 16] = MAGIC;
    const size = BATCH_PREFIX_BYTES + bytes.readInt32BE(at + 8);
    const isInside = size >= BATCH_HEADER_BYTES && size <= bytes.length - at;
    if (!isInside) bytes.writeInt32BE(bytes.length - at - BATCH_PREFIX_BYTES, at + 8);
    const batch = new Batch(bytes, at);
    bytes.writeUInt32BE(batch.computeCrc(), at + 17);
    at = batch.next;
  }
}

export const legalBatches = (): Buffer[] =>
  names.flatMap((compression) => {
    const value = Buffer.from("the same words, the same words, the same words");
    const one = buildBatch({ records: [{ value, key: Buffer.from("k") }], compression, timestamp: 1_700_000_000_000 });
    const many = buildBatch({
      records: [
        { value: null, key: Buffer.from("k") },
        {
          value,
          headers: [
            { key: "h", value: Buffer.from("v") },
            { key: "none", value: null },
          ],
        },
      ],
      compression,
      baseOffset: 1,
      partitionLeaderEpoch: 3,
      producer: { id: 7, epoch: 1, baseSequence: 5 },
      isTransactional: true,
    });
    return [one, many, Buffer.concat([one, many])];
  });

/** What a producer or a leader sends as record batches, to the last record, and what compaction makes of it. */
export const batches: Target = {
  name: "batches",
  isExpected: isProtocolError,
  repair: repairBatches,
  seeds: legalBatches,
  allowedBytes: (bytes) => 512 * 1024 + 8 * UNPACKING_BYTES + 64 * bytes,
  run(bytes) {
    const isLegal = validateBatches(bytes).is === "valid";
    if (validateBatches(bytes, "leader").is === "invalid") return 1;
    let records = 0;
    for (const batch of batchesIn(bytes)) {
      batch.baseOffset = records; // as a leader does
      const all = readBatch(batch, UNPACKED_BYTES_MAX);
      records += all.length;
      checkRepacked(batch, all.length);
    }
    return isLegal ? 3 + Math.min(records, 3) : 2;
  },
};

/** Compaction keeps what it was not told to drop: the same records come back out of what it wrote. */
function checkRepacked(batch: Batch, count: number): void {
  const packed = unpack(batch, UNPACKED_BYTES_MAX);
  expect(packed.length === count, "two readers of a batch find different records");
  expect(validateBatches(emptied(batch), "leader").is === "valid", "an emptied batch is not legal");
  if (count === 0) return;
  const again = repack(batch, packed, null);
  expect(validateBatches(again, "leader").is === "valid", "a repacked batch is not legal");
  const after = readBatch(new Batch(again), 2 * UNPACKED_BYTES_MAX);
  const before = readBatch(batch, UNPACKED_BYTES_MAX);
  expect(after.length === before.length, "repacking changed how many records there are");
  for (const [index, { offset, timestamp, key, value }] of before.entries()) {
    const copy = after[index]!;
    expect(copy.offset === offset && copy.timestamp === timestamp, "repacking moved a record");
    expect(isSame(copy.key, key) && isSame(copy.value, value), "repacking changed a record");
  }
}

const isSame = (one: Buffer | null, other: Buffer | null): boolean =>
  one === null || other === null ? one === other : one.equals(other);

const compressed = JSON.parse(
  readFileSync(new URL("../../../packages/protocol/src/testdata/compressed.json", import.meta.url), "utf8"),
) as Record<string, { codec: CompressionName; base64: string }>;

const withCodec = (codec: CompressionCodec, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([codec]), bytes]);

/** A codec and what it is to unpack: bombs, cut ends, wrong sizes (RELIABILITY N-05). */
export const compression: Target = {
  name: "compression",
  isExpected: isProtocolError,
  kindOf: (bytes) => (bytes[0] ?? 0) % codecs.length,
  dictionary: [Buffer.from("04224d18", "hex"), Buffer.from("28b52ffd", "hex"), Buffer.from("82534e4150505900", "hex")],
  seeds: () => [
    ...codecs.map((codec) => withCodec(codec, compress(codec, Buffer.from("to and fro, to and fro, to and fro")))),
    ...codecs.map((codec) => withCodec(codec, compress(codec, Buffer.alloc(UNPACKED_BYTES_MAX)))),
    ...Object.values(compressed).map(({ codec, base64 }) =>
      withCodec(Compression[codec], Buffer.from(base64, "base64")),
    ),
    withCodec(Compression.gzip, gzipSync(Buffer.alloc(4 * UNPACKED_BYTES_MAX))),
    withCodec(Compression.zstd, zstdCompressSync(Buffer.alloc(4 * UNPACKED_BYTES_MAX))),
    withCodec(Compression.snappy, Buffer.from("ffffffff0f00", "hex")),
  ],
  allowedBytes: (bytes) => UNPACKING_BYTES + 64 * bytes,
  run(bytes) {
    const codec = codecs[(bytes[0] ?? 0) % codecs.length]!;
    const unpacked = decompress(codec, bytes.subarray(1), UNPACKED_BYTES_MAX);
    expect(codec === 0 || unpacked.length <= UNPACKED_BYTES_MAX, `${unpacked.length} bytes came out`);
    return 1 + (32 - Math.clz32(unpacked.length));
  },
};
