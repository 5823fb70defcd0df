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
export * from "./records/compression/codec.ts";
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
