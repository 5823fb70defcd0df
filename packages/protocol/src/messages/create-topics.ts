import { api } from "../schema/api.ts";
import { optional, since, tagged } from "../schema/field.ts";
import { bool, int16, int32, int8, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// CreateTopics (key 19), versions 2–7.
// Creates topics by count and factor, or by explicit assignments.
// v4 -1 partitions or factor means the broker's default (KIP-464) · v5 flexible, answers the topic's configs (KIP-525) · v7 answers topicId

export const CreateTopicsRequest = struct({
  topics: array(
    struct({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array(
        struct({
          partitionIndex: int32,
          brokerIds: array(int32),
        }),
      ),
      configs: array(
        struct({
          name: string,
          value: string.nullable,
        }),
      ),
    }),
  ),
  timeoutMs: optional(int32, 60000),
  validateOnly: optional(bool, false),
});
export type CreateTopicsRequest = Infer<typeof CreateTopicsRequest>;

export const CreateTopicsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      name: string,
      topicId: since(7, uuid, UUID_ZERO),
      errorCode: int16,
      errorMessage: string.nullable,
      topicConfigErrorCode: tagged(0, int16, 0),
      numPartitions: since(5, int32, -1),
      replicationFactor: since(5, int16, -1),
      configs: since(
        5,
        array(
          struct({
            name: string,
            value: string.nullable,
            readOnly: bool,
            configSource: optional(int8, -1),
            isSensitive: bool,
          }),
        ).nullable,
        [],
      ),
    }),
  ),
});
export type CreateTopicsResponse = Infer<typeof CreateTopicsResponse>;

export const CreateTopicsApi = api({
  key: 19,
  name: "CreateTopics",
  versions: [2, 7],
  flexibleFrom: 5,
  request: CreateTopicsRequest,
  response: CreateTopicsResponse,
});
