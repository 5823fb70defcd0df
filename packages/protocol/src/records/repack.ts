import { ProtocolError } from "../bytes/protocol-error.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { ATTRIBUTE_DELETE_HORIZON, assembleBatch, type Batch } from "./batch.ts";
import { UNPACKED_BYTES_MAX } from "./batches.ts";
import type { CompressionCodec } from "./compression/codec.ts";
import { compress, decompress } from "./compression/compression.ts";
import { RECORD_BYTES_MIN, varintBytes } from "./record.ts";

/** A record as compaction sees it: what decides whether it stays, and the bytes it stays with. */
export type PackedRecord = {
  readonly offset: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly isTombstone: boolean;
  /** From the key's length to the last header, as it was sent. */
  readonly body: Buffer;
};

/** A timestamp beyond, and the differences that `repack` writes could leave 2^53. */
const TIMESTAMP_MAX = 2 ** 52;

/**
 * The records of one batch without a look into values and headers. Throws ProtocolError when the bytes are malformed, or when offsets don't go up
 * within those of the batch: a record that claims another's offset would be compaction's word about that one.
 */
export function unpack(batch: Batch, bytesMax: number = UNPACKED_BYTES_MAX): PackedRecord[] {
  const bytes = decompress(batch.compression, batch.payload, bytesMax);
  const r = new Reader(bytes);
  const { baseOffset, baseTimestamp, lastOffsetDelta } = batch;
  const records: PackedRecord[] = [];
  let before = -1;
  for (let left = r.count(batch.recordsCount, RECORD_BYTES_MIN); left > 0; left--) {
    const size = r.count(r.varint(), 1);
    const end = r.offset + size;
    r.int8(); // attributes: none are defined
    const timestampDelta = r.varlong();
    const offsetDelta = r.varint();
    if (offsetDelta <= before || offsetDelta > lastOffsetDelta)
      throw new ProtocolError(`a record with offset delta ${offsetDelta} between ${before} and ${lastOffsetDelta}`);
    if (Math.abs(baseTimestamp + timestampDelta) > TIMESTAMP_MAX)
      throw new ProtocolError(`a record with timestamp ${baseTimestamp + timestampDelta}`);
    before = offsetDelta;
    const bodyStart = r.offset;
    const keySize = r.varint();
    const key = keySize < 0 ? null : r.slice(keySize);
    const isTombstone = r.varint() < 0;
    if (r.offset > end) throw new ProtocolError(`a record of ${size} bytes ends inside its key`);
    r.slice(end - r.offset);
    records.push({
      offset: baseOffset + offsetDelta,
      timestampDelta,
      key,
      isTombstone,
      body: bytes.subarray(bodyStart, end),
    });
  }
  if (r.remaining > 0) throw new ProtocolError(`${r.remaining} bytes behind the last record`);
  return records;
}

/**
 * The batch with only these of its records: same offsets, sequences, times and codec. `deleteHorizonMs` writes down when its tombstones
 * may go (KIP-534): it takes the place of the base timestamp, from which the records' times are then counted.
 */
export function repack(batch: Batch, records: readonly PackedRecord[], deleteHorizonMs: number | null): Buffer {
  const baseTimestamp = deleteHorizonMs ?? batch.baseTimestamp;
  const shift = batch.baseTimestamp - baseTimestamp;
  const w = new Writer(64 * 1024);
  let maxTimestamp = -1;
  for (const { offset, timestampDelta, body } of records) {
    const delta = timestampDelta + shift;
    const offsetDelta = offset - batch.baseOffset;
    maxTimestamp = Math.max(maxTimestamp, baseTimestamp + delta);
    w.varint(1 + varintBytes(delta) + varintBytes(offsetDelta) + body.length);
    w.int8(0);
    w.varlong(delta);
    w.varint(offsetDelta);
    w.bytes(body);
  }
  const header = {
    ...headerOf(batch),
    attributes: batch.attributes | (deleteHorizonMs === null ? 0 : ATTRIBUTE_DELETE_HORIZON),
    baseTimestamp,
    maxTimestamp: batch.isLogAppendTime ? batch.maxTimestamp : maxTimestamp,
    recordsCount: records.length,
  };
  return assembleBatch(header, compress(batch.compression, w.concat()));
}

/** The batch with its records in another codec, at the level given, if any. Throws ProtocolError when they can't be unpacked. */
export function recompress(batch: Batch, codec: CompressionCodec, level?: number): Buffer {
  const bytes = decompress(batch.compression, batch.payload, UNPACKED_BYTES_MAX);
  const attributes = (batch.attributes & ~CODEC) | codec;
  return assembleBatch({ ...headerOf(batch), attributes }, compress(codec, bytes, level));
}

/** The batch without records: what remains of it are its offsets and the producer's sequence. */
export function emptied(batch: Batch): Buffer {
  const attributes = batch.attributes & ~CODEC_AND_HORIZON;
  const timestamp = batch.maxTimestamp;
  return assembleBatch(
    { ...headerOf(batch), attributes, baseTimestamp: timestamp, maxTimestamp: timestamp, recordsCount: 0 },
    NO_RECORDS,
  );
}

const CODEC = 0x07;
const CODEC_AND_HORIZON = CODEC | ATTRIBUTE_DELETE_HORIZON;
const NO_RECORDS = Buffer.alloc(0);

const headerOf = (batch: Batch) => ({
  baseOffset: batch.baseOffset,
  partitionLeaderEpoch: batch.partitionLeaderEpoch,
  attributes: batch.attributes,
  lastOffsetDelta: batch.lastOffsetDelta,
  baseTimestamp: batch.baseTimestamp,
  maxTimestamp: batch.maxTimestamp,
  producerId: batch.producerId,
  producerEpoch: batch.producerEpoch,
  baseSequence: batch.baseSequence,
  recordsCount: batch.recordsCount,
});
