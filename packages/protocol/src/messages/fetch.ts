import { api } from "../schema/api.ts";
import { optional, since, tagged, until } from "../schema/field.ts";
import { int16, int32, int64, int8, time64, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, records, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// Fetch (key 1), versions 4–18.
// Reads record batches from an offset on, whole and as stored: the first batch may begin before the offset asked for.
// Waits until minBytes are there or maxWaitMs has passed. The first non-empty partition gets at least one batch, whatever its size (KIP-74).
// v5 logStartOffset · v7 sessions (KIP-227) · v9 currentLeaderEpoch (KIP-320) · v10 zstd · v11 rackId, preferredReadReplica (KIP-392)
// v12 flexible, lastFetchedEpoch, divergingEpoch (KIP-595) · v13 topic ids · v15 replicaState (KIP-903) · v16 nodeEndpoints (KIP-951)
// v17 replicaDirectoryId, v18 highWatermark: of followers only

export const FetchRequest = struct({
  clusterId: tagged(0, string.nullable, null),
  replicaId: until(14, int32, -1).strict,
  replicaState: tagged(
    1,
    struct({
      replicaId: optional(int32, -1),
      replicaEpoch: optional(int64, -1),
    }),
    { replicaId: -1, replicaEpoch: -1 },
    15,
  ),
  maxWaitMs: int32,
  minBytes: int32,
  maxBytes: optional(int32, 0x7fffffff),
  isolationLevel: optional(int8, 0),
  sessionId: since(7, int32, 0),
  sessionEpoch: since(7, int32, -1),
  topics: array(
    struct({
      topic: until(12, string, ""),
      topicId: since(13, uuid, UUID_ZERO),
      partitions: array(
        struct({
          partition: int32,
          currentLeaderEpoch: since(9, int32, -1),
          fetchOffset: int64,
          lastFetchedEpoch: since(12, int32, -1).strict,
          logStartOffset: since(5, int64, -1),
          partitionMaxBytes: int32,
          replicaDirectoryId: tagged(0, uuid, UUID_ZERO, 17),
          highWatermark: tagged(1, time64, Infinity, 18),
        }),
      ),
    }),
  ),
  forgottenTopicsData: since(
    7,
    array(
      struct({
        topic: until(12, string, ""),
        topicId: since(13, uuid, UUID_ZERO),
        partitions: array(int32),
      }),
    ),
    [],
  ).strict,
  rackId: since(11, string, ""),
});
export type FetchRequest = Infer<typeof FetchRequest>;

export const FetchResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: since(7, int16, 0),
  sessionId: since(7, int32, 0),
  responses: array(
    struct({
      topic: until(12, string, ""),
      topicId: since(13, uuid, UUID_ZERO),
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
          highWatermark: int64,
          lastStableOffset: optional(int64, -1),
          logStartOffset: since(5, int64, -1),
          divergingEpoch: tagged(
            0,
            struct({
              epoch: optional(int32, -1),
              endOffset: optional(int64, -1),
            }),
            { epoch: -1, endOffset: -1 },
          ),
          currentLeader: tagged(
            1,
            struct({
              leaderId: optional(int32, -1),
              leaderEpoch: optional(int32, -1),
            }),
            { leaderId: -1, leaderEpoch: -1 },
          ),
          snapshotId: tagged(
            2,
            struct({
              endOffset: optional(int64, -1),
              epoch: optional(int32, -1),
            }),
            { endOffset: -1, epoch: -1 },
          ),
          abortedTransactions: array(
            struct({
              producerId: int64,
              firstOffset: int64,
            }),
          ).nullable,
          preferredReadReplica: since(11, int32, -1),
          records: records.nullable,
        }),
      ),
    }),
  ),
  nodeEndpoints: tagged(
    0,
    array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: optional(string.nullable, null),
      }),
    ),
    [],
    16,
  ),
});
export type FetchResponse = Infer<typeof FetchResponse>;

export const FetchApi = api({
  key: 1,
  name: "Fetch",
  versions: [4, 18],
  flexibleFrom: 12,
  request: FetchRequest,
  response: FetchResponse,
});
