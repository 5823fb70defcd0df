import { api } from "../schema/api.ts";
import { between, optional, since, until } from "../schema/field.ts";
import { bool, int16, int32, int64, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// OffsetFetch (key 9), versions 1–10.
// A group's committed positions. Never committed: offset -1 without an error.
// v2 null topics means all, top-level errorCode · v5 committedLeaderEpoch · v6 flexible · v7 requireStable (KIP-447)
// v8 many groups at once: groupId and topics move into groups (KIP-709) · v9 member id and epoch (KIP-848) · v10 topic ids

export const OffsetFetchRequest = struct({
  groupId: until(7, string, "").strict,
  topics: until(
    7,
    array(
      struct({
        name: string,
        partitionIndexes: array(int32),
      }),
    ).nullableSince(2),
    [],
  ).strict,
  groups: since(
    8,
    array(
      struct({
        groupId: string,
        memberId: since(9, string.nullable, null),
        memberEpoch: since(9, int32, -1),
        topics: array(
          struct({
            name: until(9, string, ""),
            topicId: since(10, uuid, UUID_ZERO),
            partitionIndexes: array(int32),
          }),
        ).nullable,
      }),
    ),
    [],
  ).strict,
  requireStable: since(7, bool, false).strict,
});
export type OffsetFetchRequest = Infer<typeof OffsetFetchRequest>;

export const OffsetFetchResponse = struct({
  throttleTimeMs: since(3, int32, 0),
  topics: until(
    7,
    array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: since(5, int32, -1),
            metadata: string.nullable,
            errorCode: int16,
          }),
        ),
      }),
    ),
    [],
  ),
  errorCode: between(2, 7, int16, 0),
  groups: since(
    8,
    array(
      struct({
        groupId: string,
        topics: array(
          struct({
            name: until(9, string, ""),
            topicId: since(10, uuid, UUID_ZERO),
            partitions: array(
              struct({
                partitionIndex: int32,
                committedOffset: int64,
                committedLeaderEpoch: optional(int32, -1),
                metadata: string.nullable,
                errorCode: int16,
              }),
            ),
          }),
        ),
        errorCode: optional(int16, 0),
      }),
    ),
    [],
  ),
});
export type OffsetFetchResponse = Infer<typeof OffsetFetchResponse>;

export const OffsetFetchApi = api({
  key: 9,
  name: "OffsetFetch",
  versions: [1, 10],
  flexibleFrom: 6,
  request: OffsetFetchRequest,
  response: OffsetFetchResponse,
});
