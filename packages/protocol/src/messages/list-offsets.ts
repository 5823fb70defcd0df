import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { int16, int32, int64, int8, time64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// ListOffsets (key 2), versions 1–11.
// The first offset whose record is at least as young as a timestamp, with that record's timestamp.
// timestamp -1: latest (high watermark, or last stable offset when read committed) · -2: earliest.
// v2 isolationLevel · v4 leaderEpoch · v6 flexible · v7 -3: record with the largest timestamp (KIP-734) · v8 -4: earliest local (KIP-405)
// v9 -5: latest tiered (KIP-1005) · v10 timeoutMs, for what lies elsewhere · v11 -6: earliest that is still to be uploaded (KIP-1023)

export const ListOffsetsRequest = struct({
  replicaId: int32,
  isolationLevel: since(2, int8, 0).strict,
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          currentLeaderEpoch: since(4, int32, -1),
          timestamp: time64,
        }),
      ),
    }),
  ),
  timeoutMs: since(10, int32, 0),
});
export type ListOffsetsRequest = Infer<typeof ListOffsetsRequest>;

export const ListOffsetsResponse = struct({
  throttleTimeMs: since(2, int32, 0),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
          timestamp: optional(time64, -1),
          offset: optional(int64, -1),
          leaderEpoch: since(4, int32, -1),
        }),
      ),
    }),
  ),
});
export type ListOffsetsResponse = Infer<typeof ListOffsetsResponse>;

export const ListOffsetsApi = api({
  key: 2,
  name: "ListOffsets",
  versions: [1, 11],
  flexibleFrom: 6,
  request: ListOffsetsRequest,
  response: ListOffsetsResponse,
});
