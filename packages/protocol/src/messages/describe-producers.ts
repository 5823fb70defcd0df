import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { int16, int32, int64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeProducers (key 61), version 0.
// What the leader of each partition remembers of idempotent and transactional producers (KIP-664).

export const DescribeProducersRequest = struct({
  topics: array(
    struct({
      name: string,
      partitionIndexes: array(int32),
    }),
  ),
});
export type DescribeProducersRequest = Infer<typeof DescribeProducersRequest>;

export const DescribeProducersResponse = struct({
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
          errorMessage: optional(string.nullable, null),
          activeProducers: array(
            struct({
              producerId: int64,
              producerEpoch: int32,
              lastSequence: optional(int32, -1),
              lastTimestamp: optional(int64, -1),
              coordinatorEpoch: int32,
              currentTxnStartOffset: optional(int64, -1),
            }),
          ),
        }),
      ),
    }),
  ),
});
export type DescribeProducersResponse = Infer<typeof DescribeProducersResponse>;

export const DescribeProducersApi = api({
  key: 61,
  name: "DescribeProducers",
  versions: [0, 0],
  flexibleFrom: 0,
  request: DescribeProducersRequest,
  response: DescribeProducersResponse,
});
