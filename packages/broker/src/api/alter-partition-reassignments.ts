import {
  AlterPartitionReassignmentsApi,
  type AlterPartitionReassignmentsRequest,
  ErrorCode,
  type ResponseDraft,
} from "@odradek/protocol";
import { type Reassignment, reassignPartitions } from "../controller/reassign-partitions.ts";
import { handler, type Parts } from "./handler.ts";

// AlterPartitionReassignments (key 45).
// Begins to move partitions to the replicas named, or cancels with null; answered as soon as that is written down. The controller
// completes a move when all new replicas are in sync. Any broker may be asked.

type Draft = ResponseDraft<typeof AlterPartitionReassignmentsApi>;

export const alterPartitionReassignments = handler(AlterPartitionReassignmentsApi, reassign, {
  failed: (_request, errorCode) => ({ errorCode, responses: [] }),
});

export async function reassign(
  { cluster }: Pick<Parts, "cluster">,
  request: AlterPartitionReassignmentsRequest,
): Promise<Draft> {
  const { topics, allowReplicationFactorChange } = request;
  const wanted = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex: partition, replicas }): Reassignment => ({ topic: name, partition, replicas })),
  );
  const results = await reassignPartitions(cluster, wanted, { mayChangeFactor: allowReplicationFactorChange });
  let next = 0;
  return {
    allowReplicationFactorChange,
    errorCode: ErrorCode.NONE,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const { error, message } = results[next++]!;
        return { partitionIndex, errorCode: error, errorMessage: message || null };
      }),
    })),
  };
}
