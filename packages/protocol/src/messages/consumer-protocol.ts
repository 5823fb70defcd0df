import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { since } from "../schema/field.ts";
import { int32 } from "../schema/primitives.ts";
import { array, bytes, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer, Draft, Type } from "../schema/type.ts";

// What classic consumers say to each other inside JoinGroup (subscription) and SyncGroup (assignment): an int16 version,
// then the message, never flexible. A reader takes a newer version for the newest it knows and ignores the bytes behind.
// v1 ownedPartitions (KIP-429) · v2 generationId (KIP-792) · v3 rackId (KIP-881)

const TopicPartitions = struct({ topic: string, partitions: array(int32) });

export const ConsumerProtocolSubscription = struct({
  topics: array(string),
  userData: bytes.nullable,
  ownedPartitions: since(1, array(TopicPartitions), []),
  generationId: since(2, int32, -1),
  rackId: since(3, string.nullable, null),
});
export type ConsumerProtocolSubscription = Infer<typeof ConsumerProtocolSubscription>;

export const ConsumerProtocolAssignment = struct({
  assignedPartitions: array(TopicPartitions),
  userData: bytes.nullable,
});
export type ConsumerProtocolAssignment = Infer<typeof ConsumerProtocolAssignment>;

const VERSION_LAST = 3;

function read<T, D>(type: Type<T, D>, from: Buffer): T {
  const r = new Reader(from);
  const number = Math.min(Math.max(0, r.int16()), VERSION_LAST);
  return type.compile({ number, flexible: false }).read(r);
}

function write<T, D>(type: Type<T, D>, number: number, value: D): Buffer {
  const w = new Writer(512);
  w.int16(number);
  type.compile({ number, flexible: false }).write(w, value);
  return w.concat();
}

/** Throws ProtocolError on malformed bytes. */
export const readSubscription = (from: Buffer): ConsumerProtocolSubscription =>
  read(ConsumerProtocolSubscription, from);

export const writeSubscription = (value: Draft<typeof ConsumerProtocolSubscription>, version = 1): Buffer =>
  write(ConsumerProtocolSubscription, version, value);

/** Throws ProtocolError on malformed bytes. No bytes at all, as a member without partitions may get, are an empty assignment. */
export const readAssignment = (from: Buffer): ConsumerProtocolAssignment =>
  from.length === 0 ? { assignedPartitions: [], userData: null } : read(ConsumerProtocolAssignment, from);

export const writeAssignment = (value: Draft<typeof ConsumerProtocolAssignment>, version = 1): Buffer =>
  write(ConsumerProtocolAssignment, version, value);
