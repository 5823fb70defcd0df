import type { LogRecord, RecordDraft } from "@odradek/protocol";

import { stampOf } from "./stamp.ts";

/** One record as it stands in a log; `value`, its stamp, says which one it is. */
export type SimRecord = {
  offset: number;
  key: string | null;
  value: string;
  isTombstone: boolean;
  timestampMs: number;
};

/** Where a tombstone, which has no value, says which record it is. */
const STAMP = "stamp";

/** How a client writes the record with this stamp, where there are so many keys, or none. */
export function draftOf(value: string, keys: number): RecordDraft {
  if (keys === 0) return { key: null, value: Buffer.from(value) };
  const { producer, number } = stampOf(value);
  const drawn = Math.imul(number * 31 + producer.charCodeAt(0) * 7 + producer.charCodeAt(1), 0x9e37_79b1) >>> 8;
  const key = Buffer.from(`k${drawn % keys}`);
  if ((drawn % 97) % 5 > 0) return { key, value: Buffer.from(value) };
  return { key, value: null, headers: [{ key: STAMP, value: Buffer.from(value) }] };
}

export function recordOf({ offset, key, value, headers, timestamp }: LogRecord): SimRecord {
  const stamp = value ?? headers.find((header) => header.key === STAMP)?.value;
  return {
    offset,
    key: key === null ? null : String(key),
    value: String(stamp),
    isTombstone: value === null,
    timestampMs: timestamp,
  };
}
