import type { RecordDraft } from "@odradek/protocol";

export type Bytes = string | Buffer | null;

/** A record to be sent. Strings are taken as UTF-8. */
export type Message = {
  readonly key?: Bytes | undefined;
  readonly value: Bytes;
  readonly headers?: { readonly [name: string]: Bytes } | undefined;
  /** Left out: chosen by key, or kept from batch to batch. */
  readonly partition?: number | undefined;
  /** Milliseconds since 1970; left out: now. */
  readonly timestamp?: number | undefined;
};

/** Where an acknowledged record is. The offset is -1 with acks 0. */
export type RecordPlace = { readonly topic: string; readonly partition: number; readonly offset: number };

function bytesOf(value: Bytes): Buffer | null {
  if (typeof value === "string") return Buffer.from(value);
  if (value === null || Buffer.isBuffer(value)) return value;
  throw new TypeError(`keys, values and headers are strings, Buffers or null, not of type ${typeof value}`);
}

export function recordOf(message: Message, nowMs: number): RecordDraft {
  return {
    key: bytesOf(message.key ?? null),
    value: bytesOf(message.value),
    timestamp: message.timestamp ?? nowMs,
    headers: Object.entries(message.headers ?? {}).map(([key, value]) => ({ key, value: bytesOf(value) })),
  };
}
