import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { bool, int16, int32, uuid } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeTopicPartitions (key 75), version 0.
// Topics with their partitions, sorted by name, in pages: a cursor names the first partition of the next page (KIP-966).
// No topics means all of them.

const Cursor = struct({
  topicName: string,
  partitionIndex: int32,
});

export const DescribeTopicPartitionsRequest = struct({
  topics: array(struct({ name: string })),
  responsePartitionLimit: optional(int32, 2000),
  cursor: optional(Cursor.nullable, null),
});
export type DescribeTopicPartitionsRequest = Infer<typeof DescribeTopicPartitionsRequest>;

export const DescribeTopicPartitionsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      errorCode: int16,
      name: string.nullable,
      topicId: uuid,
      isInternal: bool,
      partitions: array(
        struct({
          errorCode: int16,
          partitionIndex: int32,
          leaderId: int32,
          leaderEpoch: optional(int32, -1),
          replicaNodes: array(int32),
          isrNodes: array(int32),
          eligibleLeaderReplicas: optional(array(int32).nullable, null),
          lastKnownElr: optional(array(int32).nullable, null),
          offlineReplicas: array(int32),
        }),
      ),
      topicAuthorizedOperations: optional(int32, -2147483648),
    }),
  ),
  nextCursor: optional(Cursor.nullable, null),
});
export type DescribeTopicPartitionsResponse = Infer<typeof DescribeTopicPartitionsResponse>;

export const DescribeTopicPartitionsApi = api({
  key: 75,
  name: "DescribeTopicPartitions",
  versions: [0, 0],
  flexibleFrom: 0,
  request: DescribeTopicPartitionsRequest,
  response: DescribeTopicPartitionsResponse,
});
