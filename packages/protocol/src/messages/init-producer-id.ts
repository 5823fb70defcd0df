import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { int16, int32, int64 } from "../schema/primitives.ts";
import { string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// InitProducerId (key 22), versions 0–5.
// A producer id and epoch: fresh for idempotent producers (null transactional id), fencing for transactional ones.
// v2 flexible · v3 producerId and epoch to continue from (KIP-360) · v4 PRODUCER_FENCED · v5 TRANSACTION_ABORTABLE (KIP-890)

export const InitProducerIdRequest = struct({
  transactionalId: string.nullable,
  transactionTimeoutMs: int32,
  producerId: since(3, int64, -1).strict,
  producerEpoch: since(3, int16, -1).strict,
});
export type InitProducerIdRequest = Infer<typeof InitProducerIdRequest>;

export const InitProducerIdResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: int16,
  producerId: optional(int64, -1),
  producerEpoch: int16,
});
export type InitProducerIdResponse = Infer<typeof InitProducerIdResponse>;

export const InitProducerIdApi = api({
  key: 22,
  name: "InitProducerId",
  versions: [0, 5],
  flexibleFrom: 2,
  request: InitProducerIdRequest,
  response: InitProducerIdResponse,
});
