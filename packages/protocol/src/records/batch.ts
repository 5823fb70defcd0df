import { crc32c } from "../bytes/crc32c.ts";
import type { CompressionCodec } from "./compression/codec.ts";

// Record batch v2 (magic 2), the same on the wire and on disk; all numbers big-endian:
//   0 baseOffset i64 · 8 batchLength i32 (what follows it) · 12 partitionLeaderEpoch i32 · 16 magic i8 · 17 crc u32 (CRC-32C of 21…end)
//   21 attributes i16 · 23 lastOffsetDelta i32 · 27 baseTimestamp i64 · 35 maxTimestamp i64 · 43 producerId i64 · 51 producerEpoch i16
//   53 baseSequence i32 · 57 recordsCount i32 · 61 records
// baseOffset and partitionLeaderEpoch stand outside the checksum: a leader sets both in place.

export const BATCH_HEADER_BYTES = 61;
/** baseOffset and batchLength, which batchLength does not count. */
export const BATCH_PREFIX_BYTES = 12;
export const CRC_START = 21;
export const MAGIC = 2;

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
export const ATTRIBUTE_TRANSACTIONAL = 0x10;
export const ATTRIBUTE_CONTROL = 0x20;
export const ATTRIBUTE_DELETE_HORIZON = 0x40;

const TWO_32 = 4_294_967_296;

/** An int64 as a number; beyond 2^53 it loses precision, so whoever trusts the value asks `validateBatches` first. */
const int64At = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);

function putInt64(bytes: Buffer, at: number, value: number): void {
  // 2^63 - 1, a legal timestamp, reads as 2^63 (RELIABILITY N-18).
  if (value >= 2 ** 63) return void bytes.writeBigInt64BE(2n ** 63n - 1n, at);
  const high = Math.floor(value / TWO_32);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * TWO_32, at + 4);
}

/** A view over one batch that stands in `bytes` at `at`; nothing is copied. At least BATCH_HEADER_BYTES must be there. */
export class Batch {
  readonly bytes: Buffer;
  readonly at: number;

  constructor(bytes: Buffer, at = 0) {
    if (bytes.length - at < BATCH_HEADER_BYTES) throw new RangeError(`no batch header in ${bytes.length - at} bytes`);
    this.bytes = bytes;
    this.at = at;
  }

  /** Whether a batch of magic 2 stands at `at` with all its bytes. */
  static isWholeAt(bytes: Buffer, at: number): boolean {
    if (bytes.length - at < BATCH_HEADER_BYTES) return false;
    const size = BATCH_PREFIX_BYTES + bytes.readInt32BE(at + 8);
    return size >= BATCH_HEADER_BYTES && size <= bytes.length - at && bytes[at + 16] === MAGIC;
  }

  /** Whole size in bytes, prefix included. */
  get size(): number {
    return BATCH_PREFIX_BYTES + this.bytes.readInt32BE(this.at + 8);
  }

  /** The batch's own bytes, sharing memory. */
  get slice(): Buffer {
    return this.bytes.subarray(this.at, this.at + this.size);
  }

  /** Position after the batch's last byte. */
  get next(): number {
    return this.at + this.size;
  }

  get baseOffset(): number {
    return int64At(this.bytes, this.at);
  }

  set baseOffset(offset: number) {
    putInt64(this.bytes, this.at, offset);
  }

  get batchLength(): number {
    return this.bytes.readInt32BE(this.at + 8);
  }

  get partitionLeaderEpoch(): number {
    return this.bytes.readInt32BE(this.at + 12);
  }

  set partitionLeaderEpoch(epoch: number) {
    this.bytes.writeInt32BE(epoch, this.at + 12);
  }

  get magic(): number {
    return this.bytes.readInt8(this.at + 16);
  }

  get crc(): number {
    return this.bytes.readUInt32BE(this.at + 17);
  }

  get attributes(): number {
    return this.bytes.readInt16BE(this.at + 21);
  }

  get compression(): CompressionCodec {
    return (this.attributes & CODEC_MASK) as CompressionCodec;
  }

  get isLogAppendTime(): boolean {
    return (this.attributes & LOG_APPEND_TIME) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & ATTRIBUTE_TRANSACTIONAL) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & ATTRIBUTE_CONTROL) !== 0;
  }

  /** When the batch's tombstones, or its marker, may go (KIP-534); null: compaction has not been here yet. */
  get deleteHorizonMs(): number | null {
    return (this.attributes & ATTRIBUTE_DELETE_HORIZON) === 0 ? null : this.baseTimestamp;
  }

  get lastOffsetDelta(): number {
    return this.bytes.readInt32BE(this.at + 23);
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }

  /** The offset after the batch. */
  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  get baseTimestamp(): number {
    return int64At(this.bytes, this.at + 27);
  }

  get maxTimestamp(): number {
    return int64At(this.bytes, this.at + 35);
  }

  /** -1: not from an idempotent producer. */
  get producerId(): number {
    return int64At(this.bytes, this.at + 43);
  }

  get producerEpoch(): number {
    return this.bytes.readInt16BE(this.at + 51);
  }

  get baseSequence(): number {
    return this.bytes.readInt32BE(this.at + 53);
  }

  /** Sequence of the last record; sequences wrap from 2^31 - 1 to 0. */
  get lastSequence(): number {
    const last = this.baseSequence + this.lastOffsetDelta;
    return last > 0x7fff_ffff ? last - 0x8000_0000 : last;
  }

  get recordsCount(): number {
    return this.bytes.readInt32BE(this.at + 57);
  }

  /** The records as they stand there, perhaps compressed. */
  get payload(): Buffer {
    return this.bytes.subarray(this.at + BATCH_HEADER_BYTES, this.next);
  }

  computeCrc(): number {
    return crc32c(this.bytes.subarray(this.at + CRC_START, this.next));
  }

  /** Leaves the producer's times in force, whatever the producer says of them, and renews the checksum. */
  setCreateTime(): void {
    this.bytes.writeInt16BE(this.attributes & ~LOG_APPEND_TIME, this.at + 21);
    this.bytes.writeUInt32BE(this.computeCrc(), this.at + 17);
  }

  /** Takes the broker's time for all records (message.timestamp.type=LogAppendTime) and renews the checksum. */
  setLogAppendTime(timestamp: number): void {
    this.bytes.writeInt16BE(this.attributes | LOG_APPEND_TIME, this.at + 21);
    putInt64(this.bytes, this.at + 35, timestamp);
    this.bytes.writeUInt32BE(this.computeCrc(), this.at + 17);
  }
}

export type BatchHeader = {
  readonly baseOffset: number;
  readonly partitionLeaderEpoch: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordsCount: number;
};

/** A whole batch from a header and its (perhaps compressed) records. */
export function assembleBatch(header: BatchHeader, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length);
  putInt64(bytes, 0, header.baseOffset);
  bytes.writeInt32BE(bytes.length - BATCH_PREFIX_BYTES, 8);
  bytes.writeInt32BE(header.partitionLeaderEpoch, 12);
  bytes.writeInt8(MAGIC, 16);
  bytes.writeInt16BE(header.attributes, 21);
  bytes.writeInt32BE(header.lastOffsetDelta, 23);
  putInt64(bytes, 27, header.baseTimestamp);
  putInt64(bytes, 35, header.maxTimestamp);
  putInt64(bytes, 43, header.producerId);
  bytes.writeInt16BE(header.producerEpoch, 51);
  bytes.writeInt32BE(header.baseSequence, 53);
  bytes.writeInt32BE(header.recordsCount, 57);
  payload.copy(bytes, BATCH_HEADER_BYTES);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_START)), 17);
  return bytes;
}
