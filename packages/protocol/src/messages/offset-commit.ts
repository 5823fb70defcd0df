import { api } from "../schema/api.ts";
import { optional, since, until } from "../schema/field.ts";
import { int16, int32, int64, time64, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// OffsetCommit (key 8), versions 2–10.
// Stores a group's position in partitions. With generation -1 and no member it is a group that assigns by itself.
// retentionTimeMs (v2–v4) is accepted and ignored, as Kafka does since 2.1.
// v6 committedLeaderEpoch · v7 groupInstanceId (KIP-345) · v8 flexible · v9 generation is the member epoch of KIP-848 groups · v10 topic ids

export const OffsetCommitRequest = struct({
  groupId: string,
  generationIdOrMemberEpoch: optional(int32, -1),
  memberId: string,
  groupInstanceId: since(7, string.nullable, null).strict,
  retentionTimeMs: until(4, time64, -1),
  topics: array(
    struct({
      name: until(9, string, ""),
      topicId: since(10, uuid, UUID_ZERO),
      partitions: array(
        struct({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: since(6, int32, -1),
          committedMetadata: string.nullable,
        }),
      ),
    }),
  ),
});
export type OffsetCommitRequest = Infer<typeof OffsetCommitRequest>;

export const OffsetCommitResponse = struct({
  throttleTimeMs: since(3, int32, 0),
  topics: array(
    struct({
      name: until(9, string, ""),
      topicId: since(10, uuid, UUID_ZERO),
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
        }),
      ),
    }),
  ),
});
export type OffsetCommitResponse = Infer<typeof OffsetCommitResponse>;

export const OffsetCommitApi = api({
  key: 8,
  name: "OffsetCommit",
  versions: [2, 10],
  flexibleFrom: 8,
  request: OffsetCommitRequest,
  response: OffsetCommitResponse,
});
