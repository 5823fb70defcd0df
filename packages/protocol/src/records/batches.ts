import { ProtocolError } from "../bytes/protocol-error.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL, assembleBatch, Batch } from "./batch.ts";
import { Compression, type CompressionName } from "./compression/codec.ts";
import { compress, decompress } from "./compression/compression.ts";
import { readRecord, RECORD_BYTES_MIN, writeRecord, type LogRecord, type RecordDraft } from "./record.ts";

/** What one batch may unpack to unless the caller says otherwise: far above any producer's request, far below a bomb. */
export const UNPACKED_BYTES_MAX = 128 * 1024 * 1024;

export type BatchDraft = {
  /** At least one; one without timestamp takes `timestamp`. */
  readonly records: readonly RecordDraft[];
  /** Milliseconds since 1970 for records that have none; -1 unless given. */
  readonly timestamp?: number;
  readonly compression?: CompressionName;
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
  /** The idempotent producer's identity. */
  readonly producer?: { readonly id: number; readonly epoch: number; readonly baseSequence: number };
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
};

/** One whole batch. Its records get consecutive offsets from `baseOffset` on. */
export function buildBatch(draft: BatchDraft): Buffer {
  const { records, timestamp = -1, compression = "none", producer } = draft;
  if (records.length === 0) throw new RangeError("a batch without records");
  const timestamps = records.map((record) => record.timestamp ?? timestamp);
  const baseTimestamp = timestamps[0]!;
  const w = new Writer(64 * 1024);
  for (const [index, record] of records.entries()) writeRecord(w, record, index, timestamps[index]! - baseTimestamp);
  const codec = Compression[compression];
  const attributes =
    (draft.isTransactional === true ? ATTRIBUTE_TRANSACTIONAL : 0) | (draft.isControl === true ? ATTRIBUTE_CONTROL : 0);
  const header = {
    baseOffset: draft.baseOffset ?? 0,
    partitionLeaderEpoch: draft.partitionLeaderEpoch ?? -1,
    attributes: codec | attributes,
    lastOffsetDelta: records.length - 1,
    baseTimestamp,
    maxTimestamp: timestamps.reduce((max, one) => Math.max(max, one), -1),
    producerId: producer?.id ?? -1,
    producerEpoch: producer?.epoch ?? -1,
    baseSequence: producer?.baseSequence ?? -1,
    recordsCount: records.length,
  };
  return assembleBatch(header, compress(codec, w.concat()));
}

/**
 * The records of one batch, unpacked. Throws ProtocolError when the bytes are malformed or unpack to more than `bytesMax`.
 * The checksum is not looked at: `validateBatches` does that.
 */
export function readBatch(batch: Batch, bytesMax: number = UNPACKED_BYTES_MAX): LogRecord[] {
  const r = new Reader(decompress(batch.compression, batch.payload, bytesMax));
  const { baseOffset, baseTimestamp, isLogAppendTime, maxTimestamp } = batch;
  const records: LogRecord[] = [];
  for (let left = r.count(batch.recordsCount, RECORD_BYTES_MIN); left > 0; left--) {
    const record = readRecord(r, baseOffset, baseTimestamp);
    records.push(isLogAppendTime ? { ...record, timestamp: maxTimestamp } : record);
  }
  if (r.remaining > 0) throw new ProtocolError(`${r.remaining} bytes behind the last record`);
  return records;
}

/** The whole batches that stand back to back in `bytes`. The end of a fetch may be cut off anywhere: what is not whole is left out. */
export function* batchesIn(bytes: Buffer): Generator<Batch> {
  for (let at = 0; Batch.isWholeAt(bytes, at);) {
    const batch = new Batch(bytes, at);
    yield batch;
    at = batch.next;
  }
}
