import { type Entry, type EntryKind, entryAfter, hashBytes, type Position } from "../entry.ts";
import { seal, unseal } from "./sealed.ts";

/*
 * log record: one per Raft entry.
 * Key:   0x01 index(u64)
 * Value: sealed: previous record's hash(16) term(u48) kind(u8: 0 data, 1 noop, 2 members) data
 */
const tag = 0x01;
const kinds: readonly EntryKind[] = ["data", "noop", "members"];
const headerBytes = hashBytes + 7;

export function logKey(index: number): Buffer {
  const key = Buffer.alloc(9);
  key.writeUInt8(tag);
  key.writeBigUInt64BE(BigInt(index), 1);
  return key;
}

export const logRange = { from: Buffer.from([tag]), below: Buffer.from([tag + 1]) };

export const indexOf = (key: Buffer): number => Number(key.readBigUInt64BE(1));

export function logValue(previousHash: Buffer, entry: Entry): Buffer {
  const body = Buffer.alloc(headerBytes + entry.data.length);
  previousHash.copy(body);
  body.writeUIntBE(entry.term, hashBytes, 6);
  body.writeUInt8(kinds.indexOf(entry.is), hashBytes + 6);
  entry.data.copy(body, headerBytes);
  return seal(logKey(entry.index), body);
}

/** The entry, when the record is whole and continues `previous`; else null. */
export function readLogRecord(key: Buffer, value: Buffer, previous: Position): Entry | null {
  const body = unseal(key, value);
  if (body === null || body.length < headerBytes || indexOf(key) !== previous.index + 1) return null;
  const is = kinds[body.readUInt8(hashBytes + 6)];
  const term = body.readUIntBE(hashBytes, 6);
  if (is === undefined || term < previous.term || !body.subarray(0, hashBytes).equals(previous.hash)) return null;
  return entryAfter(previous, { term, is, data: Buffer.from(body.subarray(headerBytes)) });
}
