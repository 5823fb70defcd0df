import { api } from "../schema/api.ts";
import { optional, since, tagged, until } from "../schema/field.ts";
import { int16, int32, int64, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, records, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// Produce (key 0), versions 3–13.
// Appends record batches to partitions; batches of one partition in request order. acks=1 answers when the leader has written,
// -1 when the high watermark has passed the batch, 0 never answers (on an error the connection is closed).
// At most one batch of magic 2 per partition.
// v5 logStartOffset · v7 zstd allowed · v8 recordErrors, errorMessage (KIP-467) · v9 flexible · v10 currentLeader, nodeEndpoints (KIP-951)
// v12 implicit AddPartitionsToTxn (KIP-890) · v13 topic ids

export const ProduceRequest = struct({
  transactionalId: optional(string.nullable, null),
  acks: int16,
  timeoutMs: int32,
  topicData: array(
    struct({
      name: until(12, string, ""),
      topicId: since(13, uuid, UUID_ZERO),
      partitionData: array(
        struct({
          index: int32,
          records: records.nullable,
        }),
      ),
    }),
  ),
});
export type ProduceRequest = Infer<typeof ProduceRequest>;

export const ProduceResponse = struct({
  responses: array(
    struct({
      name: until(12, string, ""),
      topicId: since(13, uuid, UUID_ZERO),
      partitionResponses: array(
        struct({
          index: int32,
          errorCode: int16,
          baseOffset: int64,
          logAppendTimeMs: optional(int64, -1),
          logStartOffset: since(5, int64, -1),
          recordErrors: since(
            8,
            array(
              struct({
                batchIndex: int32,
                batchIndexErrorMessage: optional(string.nullable, null),
              }),
            ),
            [],
          ),
          errorMessage: since(8, string.nullable, null),
          currentLeader: tagged(
            0,
            struct({
              leaderId: optional(int32, -1),
              leaderEpoch: optional(int32, -1),
            }),
            { leaderId: -1, leaderEpoch: -1 },
            10,
          ),
        }),
      ),
    }),
  ),
  throttleTimeMs: optional(int32, 0),
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
    10,
  ),
});
export type ProduceResponse = Infer<typeof ProduceResponse>;

export const ProduceApi = api({
  key: 0,
  name: "Produce",
  versions: [3, 13],
  flexibleFrom: 9,
  request: ProduceRequest,
  response: ProduceResponse,
});
