import { ProtocolError } from "../bytes/protocol-error.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { between, optional, since, tagged } from "../schema/field.ts";
import { int32, int64, time64, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, bytes, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Draft, Infer, Type } from "../schema/type.ts";

// Records of __consumer_offsets. Key: int16 type, then the key's fields. Value: int16 version, then the value's fields;
// values are flexible from v4 on, keys never are. A null value is a tombstone.

export const OffsetCommitKey = struct({ group: string, topic: string, partition: int32 });
export type OffsetCommitKey = Infer<typeof OffsetCommitKey>;

export const OffsetCommitValue = struct({
  offset: int64,
  leaderEpoch: since(3, int32, -1),
  metadata: string,
  commitTimestamp: time64,
  expireTimestamp: between(1, 1, time64, -1),
  topicId: tagged(0, uuid, UUID_ZERO, 4),
});
export type OffsetCommitValue = Infer<typeof OffsetCommitValue>;

export const GroupMetadataKey = struct({ group: string });
export type GroupMetadataKey = Infer<typeof GroupMetadataKey>;

export const GroupMetadataValue = struct({
  protocolType: string,
  generation: int32,
  protocol: optional(string.nullable, null),
  leader: optional(string.nullable, null),
  currentStateTimestamp: since(2, time64, -1),
  members: array(
    struct({
      memberId: string,
      groupInstanceId: since(3, string.nullable, null),
      clientId: string,
      clientHost: string,
      rebalanceTimeout: since(1, int32, -1),
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes,
    }),
  ),
});
export type GroupMetadataValue = Infer<typeof GroupMetadataValue>;

/** Types of keys in __consumer_offsets. 0 is an older form of 1. */
export const GroupRecordType = { legacyOffsetCommit: 0, offsetCommit: 1, groupMetadata: 2 } as const;

export type GroupRecordKey =
  | ({ readonly is: "offsetCommit" } & Readonly<OffsetCommitKey>)
  | ({ readonly is: "groupMetadata" } & Readonly<GroupMetadataKey>)
  | { readonly is: "unknown"; readonly type: number };

/** What Kafka 4 writes. */
const OFFSET_COMMIT_VALUE_VERSION = 3;
const GROUP_METADATA_VALUE_VERSION = 3;
const VALUE_VERSION_LAST = 4;

const offsetCommitKey = OffsetCommitKey.compile({ number: 0, flexible: false });
const groupMetadataKey = GroupMetadataKey.compile({ number: 0, flexible: false });

/** Throws ProtocolError on malformed bytes. */
export function readGroupRecordKey(key: Buffer): GroupRecordKey {
  const r = new Reader(key);
  const type = r.int16();
  switch (type) {
    case GroupRecordType.legacyOffsetCommit:
    case GroupRecordType.offsetCommit:
      return { is: "offsetCommit", ...offsetCommitKey.read(r) };
    case GroupRecordType.groupMetadata:
      return { is: "groupMetadata", ...groupMetadataKey.read(r) };
    default:
      return { is: "unknown", type };
  }
}

export function writeOffsetCommitKey(key: OffsetCommitKey): Buffer {
  const w = new Writer(256);
  w.int16(GroupRecordType.offsetCommit);
  offsetCommitKey.write(w, key);
  return w.concat();
}

export function writeGroupMetadataKey(key: GroupMetadataKey): Buffer {
  const w = new Writer(256);
  w.int16(GroupRecordType.groupMetadata);
  groupMetadataKey.write(w, key);
  return w.concat();
}

function readValue<T, D>(type: Type<T, D>, value: Buffer): T {
  const r = new Reader(value);
  const number = r.int16();
  if (number < 0 || number > VALUE_VERSION_LAST) throw new ProtocolError(`a coordinator value of version ${number}`);
  return type.compile({ number, flexible: number >= 4 }).read(r);
}

function writeValue<T, D>(type: Type<T, D>, number: number, value: D): Buffer {
  const w = new Writer(512);
  w.int16(number);
  type.compile({ number, flexible: number >= 4 }).write(w, value);
  return w.concat();
}

/** Throws ProtocolError on malformed bytes or an unknown version. */
export const readOffsetCommitValue = (value: Buffer): OffsetCommitValue => readValue(OffsetCommitValue, value);

export const writeOffsetCommitValue = (value: Draft<typeof OffsetCommitValue>): Buffer =>
  writeValue(OffsetCommitValue, OFFSET_COMMIT_VALUE_VERSION, value);

/** Throws ProtocolError on malformed bytes or an unknown version. */
export const readGroupMetadataValue = (value: Buffer): GroupMetadataValue => readValue(GroupMetadataValue, value);

export const writeGroupMetadataValue = (value: Draft<typeof GroupMetadataValue>): Buffer =>
  writeValue(GroupMetadataValue, GROUP_METADATA_VALUE_VERSION, value);
