import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { bool, int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// AlterPartitionReassignments (key 45), versions 0–1.
// Moves partitions to the replicas named; null cancels a move under way (KIP-455).
// v1 allowReplicationFactorChange (KIP-860)

export const AlterPartitionReassignmentsRequest = struct({
  timeoutMs: optional(int32, 60000),
  allowReplicationFactorChange: since(1, bool, true).strict,
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          replicas: optional(array(int32).nullable, null),
        }),
      ),
    }),
  ),
});
export type AlterPartitionReassignmentsRequest = Infer<typeof AlterPartitionReassignmentsRequest>;

export const AlterPartitionReassignmentsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  allowReplicationFactorChange: since(1, bool, true),
  errorCode: int16,
  errorMessage: optional(string.nullable, null),
  responses: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
          errorMessage: optional(string.nullable, null),
        }),
      ),
    }),
  ),
});
export type AlterPartitionReassignmentsResponse = Infer<typeof AlterPartitionReassignmentsResponse>;

export const AlterPartitionReassignmentsApi = api({
  key: 45,
  name: "AlterPartitionReassignments",
  versions: [0, 1],
  flexibleFrom: 0,
  request: AlterPartitionReassignmentsRequest,
  response: AlterPartitionReassignmentsResponse,
});
