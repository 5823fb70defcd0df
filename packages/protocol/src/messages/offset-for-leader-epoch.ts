import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { int16, int32, int64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// OffsetForLeaderEpoch (key 23), versions 2–4.
// Where a leader epoch ended: how clients and followers find out that their log has been cut (KIP-320).
// v3 replicaId (-1 consumer, -2 debug) · v4 flexible

export const OffsetForLeaderEpochRequest = struct({
  replicaId: since(3, int32, -2),
  topics: array(
    struct({
      topic: string,
      partitions: array(
        struct({
          partition: int32,
          currentLeaderEpoch: optional(int32, -1),
          leaderEpoch: int32,
        }),
      ),
    }),
  ),
});
export type OffsetForLeaderEpochRequest = Infer<typeof OffsetForLeaderEpochRequest>;

export const OffsetForLeaderEpochResponse = struct({
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      topic: string,
      partitions: array(
        struct({
          errorCode: int16,
          partition: int32,
          leaderEpoch: optional(int32, -1),
          endOffset: optional(int64, -1),
        }),
      ),
    }),
  ),
});
export type OffsetForLeaderEpochResponse = Infer<typeof OffsetForLeaderEpochResponse>;

export const OffsetForLeaderEpochApi = api({
  key: 23,
  name: "OffsetForLeaderEpoch",
  versions: [2, 4],
  flexibleFrom: 4,
  request: OffsetForLeaderEpochRequest,
  response: OffsetForLeaderEpochResponse,
});
