import { ProtocolError } from "../bytes/protocol-error.ts";
import type { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";

export type RecordHeader = { readonly key: string; readonly value: Buffer | null };

/** One record with its absolute offset and time. Keys and values share the batch's memory where it is not compressed. */
export type LogRecord = {
  readonly offset: number;
  /** Milliseconds since 1970; -1 for none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
};

/** A record to be written: without offset, and all but the value may be left out. */
export type RecordDraft = {
  readonly timestamp?: number | undefined;
  readonly key?: Buffer | null | undefined;
  readonly value: Buffer | null;
  readonly headers?: readonly RecordHeader[] | undefined;
};

/** Smallest record: length, attributes, two deltas, key and value lengths, header count. */
export const RECORD_BYTES_MIN = 7;
const HEADER_BYTES_MIN = 2;

// Record: varint length · int8 attributes · varlong timestampDelta · varint offsetDelta · varint keyLength (-1 null) · key
//         varint valueLength (-1 null) · value · varint headerCount · {varint keyLength · key · varint valueLength (-1 null) · value}

const readBlob = (r: Reader): Buffer | null => {
  const size = r.varint();
  return size < 0 ? null : r.slice(size);
};

const writeBlob = (w: Writer, value: Buffer | null): void => {
  w.varint(value === null ? -1 : value.length);
  if (value !== null) w.bytes(value);
};

/** Reads the record that begins at the reader. Throws ProtocolError when it is malformed or not as long as it says. */
export function readRecord(r: Reader, baseOffset: number, baseTimestamp: number): LogRecord {
  const size = r.count(r.varint(), 1);
  const end = r.offset + size;
  r.int8(); // attributes: none are defined
  const timestamp = baseTimestamp + r.varlong();
  const offset = baseOffset + r.varint();
  const key = readBlob(r);
  const value = readBlob(r);
  const headers: RecordHeader[] = [];
  for (let left = r.count(r.varint(), HEADER_BYTES_MIN); left > 0; left--) {
    headers.push({ key: r.utf8(r.varint()), value: readBlob(r) });
  }
  if (r.offset !== end) throw new ProtocolError(`a record of ${size} bytes holds ${r.offset - end + size}`);
  return { offset, timestamp, key, value, headers };
}

export function writeRecord(w: Writer, record: RecordDraft, offsetDelta: number, timestampDelta: number): void {
  const { key = null, value, headers = [] } = record;
  w.varint(bodyBytes(record, offsetDelta, timestampDelta));
  w.int8(0);
  w.varlong(timestampDelta);
  w.varint(offsetDelta);
  writeBlob(w, key);
  writeBlob(w, value);
  w.varint(headers.length);
  for (const header of headers) {
    const size = Buffer.byteLength(header.key);
    w.varint(size);
    w.utf8(header.key, size);
    writeBlob(w, header.value);
  }
}

/** Bytes of `value` as zigzag varint. */
export function varintBytes(value: number): number {
  let rest = value < 0 ? -(value + 1) : value;
  let size = 1;
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}

const blobBytes = (value: Buffer | null): number => (value === null ? 1 : varintBytes(value.length) + value.length);

function bodyBytes(
  { key = null, value, headers = [] }: RecordDraft,
  offsetDelta: number,
  timestampDelta: number,
): number {
  let size =
    1 +
    varintBytes(timestampDelta) +
    varintBytes(offsetDelta) +
    blobBytes(key) +
    blobBytes(value) +
    varintBytes(headers.length);
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key);
    size += varintBytes(keyBytes) + keyBytes + blobBytes(header.value);
  }
  return size;
}

/** An upper bound of a record's size in an uncompressed batch: for filling batches up to a limit. */
export const recordBytesMax = (record: RecordDraft): number =>
  bodyBytes(record, 0x7fff_ffff, Number.MAX_SAFE_INTEGER) + 5;
