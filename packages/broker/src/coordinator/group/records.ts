import type { LogRecord, RecordDraft } from "@odradek/protocol";
import {
  type GroupMetadataValue,
  type OffsetCommitValue,
  readGroupMetadataValue,
  readGroupRecordKey,
  readOffsetCommitValue,
  writeGroupMetadataKey,
  writeGroupMetadataValue,
  writeOffsetCommitKey,
  writeOffsetCommitValue,
} from "@odradek/protocol/messages/coordinator-records";

/** A committed position of a group in a partition. Times in ms since 1970. */
export type CommittedOffset = {
  readonly offset: number;
  /** -1: not told. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: number;
};

/** What a group's coordinator remembers: Kafka's records of `__consumer_offsets`. A null value forgets. */
export type GroupRecord =
  | { readonly is: "offset"; group: string; topic: string; partition: number; value: CommittedOffset | null }
  | { readonly is: "group"; group: string; value: GroupMetadataValue | null };

export function toRecordDraft(record: GroupRecord): RecordDraft {
  switch (record.is) {
    case "offset":
      return { key: writeOffsetCommitKey(record), value: record.value && writeOffsetCommitValue(toWire(record.value)) };
    case "group":
      return {
        key: writeGroupMetadataKey(record),
        value: record.value && writeGroupMetadataValue(record.value),
      };
  }
}

/** Null: a record of a kind we do not know, which is passed over as Kafka does. Throws ProtocolError on malformed bytes. */
export function fromLogRecord({ key, value }: LogRecord): GroupRecord | null {
  if (key === null) return null;
  const parsed = readGroupRecordKey(key);
  switch (parsed.is) {
    case "offsetCommit": {
      const { group, topic, partition } = parsed;
      return { is: "offset", group, topic, partition, value: value && fromWire(readOffsetCommitValue(value)) };
    }
    case "groupMetadata":
      return { is: "group", group: parsed.group, value: value && ownCopy(readGroupMetadataValue(value)) };
    case "unknown":
      return null;
  }
}

const toWire = ({ offset, leaderEpoch, metadata, commitTimestampMs }: CommittedOffset): OffsetCommitValue => ({
  offset,
  leaderEpoch,
  metadata,
  commitTimestamp: commitTimestampMs,
  expireTimestamp: -1,
  topicId: "AAAAAAAAAAAAAAAAAAAAAA",
});

const fromWire = ({ offset, leaderEpoch, metadata, commitTimestamp }: OffsetCommitValue): CommittedOffset => ({
  offset,
  leaderEpoch,
  metadata,
  commitTimestampMs: commitTimestamp,
});

/** The bytes a record was read from go back to their pool. */
const ownCopy = (value: GroupMetadataValue): GroupMetadataValue => ({
  ...value,
  members: value.members.map((member) => ({
    ...member,
    subscription: Buffer.from(member.subscription),
    assignment: Buffer.from(member.assignment),
  })),
});
