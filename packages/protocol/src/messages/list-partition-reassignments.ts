import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// ListPartitionReassignments (key 46), version 0.
// Moves under way, of the partitions named or of all for null (KIP-455).

export const ListPartitionReassignmentsRequest = struct({
  timeoutMs: optional(int32, 60000),
  topics: optional(
    array(
      struct({
        name: string,
        partitionIndexes: array(int32),
      }),
    ).nullable,
    null,
  ),
});
export type ListPartitionReassignmentsRequest = Infer<typeof ListPartitionReassignmentsRequest>;

export const ListPartitionReassignmentsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: int16,
  errorMessage: optional(string.nullable, null),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          replicas: array(int32),
          addingReplicas: array(int32),
          removingReplicas: array(int32),
        }),
      ),
    }),
  ),
});
export type ListPartitionReassignmentsResponse = Infer<typeof ListPartitionReassignmentsResponse>;

export const ListPartitionReassignmentsApi = api({
  key: 46,
  name: "ListPartitionReassignments",
  versions: [0, 0],
  flexibleFrom: 0,
  request: ListPartitionReassignmentsRequest,
  response: ListPartitionReassignmentsResponse,
});
