export * from "./api-keys.ts";
export * from "./errors.ts";
export * from "./frame.ts";
export * from "./header.ts";
export { ProtocolError } from "./bytes/protocol-error.ts";
export { Reader } from "./bytes/reader.ts";
export { Writer } from "./bytes/writer.ts";
export { crc32c } from "./bytes/crc32c.ts";
export * from "./records/batch.ts";
export * from "./records/validate.ts";
export * from "./records/batches.ts";
export * from "./records/record.ts";
export { emptied, recompress, repack, unpack, type PackedRecord } from "./records/repack.ts";
export * from "./records/compression/codec.ts";
export { murmur2, partitionOfKey } from "./murmur2.ts";
export {
  api,
  type AnyApi,
  type Api,
  type RequestDraft,
  type RequestOf,
  type ResponseDraft,
  type ResponseOf,
} from "./schema/api.ts";
export { between, optional, since, tagged, until } from "./schema/field.ts";
export {
  bool,
  float64,
  int16,
  int32,
  int64,
  int8,
  long64,
  time64,
  uint16,
  uint32,
  uuid,
  UUID_ZERO,
} from "./schema/primitives.ts";
export { array, bytes, records, string } from "./schema/sized.ts";
export { struct } from "./schema/struct.ts";
export type { Codec, Draft, Infer, Type, Version } from "./schema/type.ts";
export * from "./messages/alter-configs.ts";
export * from "./messages/alter-partition-reassignments.ts";
export * from "./messages/apis.ts";
export * from "./messages/api-versions-fallback.ts";
export * from "./messages/api-versions.ts";
export * from "./messages/consumer-protocol.ts";
export * from "./messages/coordinator-records.ts";
export * from "./messages/create-partitions.ts";
export * from "./messages/create-topics.ts";
export * from "./messages/delete-groups.ts";
export * from "./messages/delete-records.ts";
export * from "./messages/delete-topics.ts";
export * from "./messages/describe-cluster.ts";
export * from "./messages/describe-configs.ts";
export * from "./messages/describe-groups.ts";
export * from "./messages/describe-log-dirs.ts";
export * from "./messages/describe-producers.ts";
export * from "./messages/describe-topic-partitions.ts";
export * from "./messages/elect-leaders.ts";
export * from "./messages/fetch.ts";
export * from "./messages/find-coordinator.ts";
export * from "./messages/heartbeat.ts";
export * from "./messages/incremental-alter-configs.ts";
export * from "./messages/init-producer-id.ts";
export * from "./messages/join-group.ts";
export * from "./messages/leave-group.ts";
export * from "./messages/list-groups.ts";
export * from "./messages/list-offsets.ts";
export * from "./messages/list-partition-reassignments.ts";
export * from "./messages/metadata.ts";
export * from "./messages/offset-commit.ts";
export * from "./messages/offset-delete.ts";
export * from "./messages/offset-fetch.ts";
export * from "./messages/offset-for-leader-epoch.ts";
export * from "./messages/produce.ts";
export * from "./messages/sync-group.ts";
