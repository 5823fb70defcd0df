import { hash } from "node:crypto";

import { assert } from "@odradek/kit";

/** noop: the first entry of a term. members: the same for the very first entry of a cluster, which names the cluster and its members; later every change of them. */
export type EntryKind = "data" | "noop" | "members";

/** Where a log stands: an entry's index and term, and the hash over it and everything before it. */
export type Position = { readonly index: number; readonly term: number; readonly hash: Buffer };

export type Entry = Position & { readonly is: EntryKind; readonly data: Buffer };

/** An entry on its way; its index follows from the message. */
export type WireEntry = { term: number; is: EntryKind; data: Buffer };

export const hashBytes = 16;

const headerBytes = hashBytes + 13;

/** Before the first entry. */
export const beginning: Position = { index: 0, term: 0, hash: Buffer.alloc(hashBytes) };

const kindBytes: Record<EntryKind, number> = { data: 0, noop: 1, members: 2 };

/** The entry that follows `previous`. Its hash chains all entries, so that equal hashes mean equal logs. */
export function entryAfter(previous: Position, { term, is, data }: WireEntry): Entry {
  assert(term >= previous.term, "terms never go back along a log");
  const index = previous.index + 1;
  const hashed = Buffer.allocUnsafe(headerBytes + data.length);
  previous.hash.copy(hashed);
  hashed.writeUIntBE(index, hashBytes, 6);
  hashed.writeUIntBE(term, hashBytes + 6, 6);
  hashed.writeUInt8(kindBytes[is], hashBytes + 12);
  data.copy(hashed, headerBytes);
  return { index, term, is, data, hash: hash("sha256", hashed, "buffer").subarray(0, hashBytes) };
}
