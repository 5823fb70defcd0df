import { assert } from "@odradek/kit";

import { ReadPool } from "../disk/read-pool.ts";
import type { Data } from "./messages.ts";

// LeaderMessage.data of proto/replication.proto by hand: the generated codec copies the records once more on each side.

/** Field number << 3 | wire type. */
const TAG_DATA = (2 << 3) | 2;
const TAG_ATTACH_ID = 1 << 3;
const TAG_HIGH = 2 << 3;
const TAG_START = 3 << 3;
const TAG_RECORDS = (4 << 3) | 2;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

const numberFieldBytes = (value: number): number => (value === 0 ? 0 : 1 + varintBytes(value));

function bodyBytes(data: Data): number {
  assert(data.high >= 0 && data.start >= 0, "offsets are not negative");
  const numbers = numberFieldBytes(data.attachId) + numberFieldBytes(data.high) + numberFieldBytes(data.start);
  const { length } = data.records;
  return length === 0 ? numbers : numbers + 1 + varintBytes(length) + length;
}

/** Messages that are made anew cost a page fault per 4 KiB, more than copying the records into them: a few are used again and again. */
const pool = new ReadPool(16 * 1024 * 1024);
/** The pooled buffer behind each message that is on its way. */
const lent = new WeakMap<Buffer, Buffer>();

/** The bytes of a message have left. */
export function releaseData(bytes: Buffer): void {
  const pooled = lent.get(bytes);
  if (pooled === undefined || !lent.delete(bytes)) return;
  pool.give(pooled);
}

/** Bytes of a LeaderMessage that holds this data and nothing else: in a pooled buffer, theirs until `releaseData`. */
export function encodeData(list: readonly Data[]): Buffer {
  const bodies = list.map(bodyBytes);
  let total = 0;
  for (const body of bodies) total += 1 + varintBytes(body) + body;
  const pooled = pool.take(total);
  const bytes = pooled.subarray(0, total);
  lent.set(bytes, pooled);
  let at = 0;
  const field = (tag: number, value: number): void => {
    if (value === 0) return;
    bytes[at++] = tag;
    at = writeVarint(bytes, at, value);
  };
  for (const [index, data] of list.entries()) {
    bytes[at++] = TAG_DATA;
    at = writeVarint(bytes, at, bodies[index]!);
    field(TAG_ATTACH_ID, data.attachId);
    field(TAG_HIGH, data.high);
    field(TAG_START, data.start);
    field(TAG_RECORDS, data.records.length);
    at += data.records.copy(bytes, at);
  }
  return bytes;
}

/**
 * The data of a LeaderMessage, its records views of `bytes`; null when the message has anything else, which the generated codec reads.
 * Throws on bytes that are no message.
 */
export function decodeData(bytes: Buffer): Data[] | null {
  const cursor = new Cursor(bytes);
  const list: Data[] = [];
  while (cursor.at < bytes.length) {
    if (cursor.varint() !== TAG_DATA) return null;
    const data = readBody(cursor);
    if (data === null) return null;
    list.push(data);
  }
  return list;
}

function readBody(cursor: Cursor): Data | null {
  const data: Data = { attachId: 0, high: 0, start: 0, records: EMPTY };
  const length = cursor.varint();
  const end = cursor.at + length;
  while (cursor.at < end) {
    const tag = cursor.varint();
    if (tag === TAG_ATTACH_ID) data.attachId = cursor.varint();
    else if (tag === TAG_HIGH) data.high = cursor.varint();
    else if (tag === TAG_START) data.start = cursor.varint();
    else if (tag === TAG_RECORDS) data.records = cursor.bytes(cursor.varint());
    else return null;
  }
  if (cursor.at !== end) throw new RangeError("a field of a data message reaches over its end");
  return data;
}

const EMPTY = Buffer.alloc(0);

class Cursor {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new RangeError("a data message is cut off");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError("a number beyond 2^53");
  }

  bytes(length: number): Buffer {
    if (length > this.#bytes.length - this.at) throw new RangeError("a data message is cut off");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}
