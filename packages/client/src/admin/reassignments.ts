import { AlterPartitionReassignmentsApi, ListPartitionReassignmentsApi } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { groupedBy, type Partition, partitionName } from "../cluster/offsets.ts";
import { orThrow } from "../errors.ts";

/** Where a partition is to go, the preferred leader first; null cancels the move under way. */
export type Reassignment = Partition & { readonly replicas: readonly number[] | null };

/** A move under way: `replicas` are those of both ends. */
export type OngoingReassignment = Partition & {
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
};

export async function reassign(cluster: Cluster, wanted: readonly Reassignment[], timeoutMs: number): Promise<void> {
  const topics = [...groupedBy(wanted, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition: partitionIndex, replicas }) => ({ partitionIndex, replicas })),
  }));
  const answer = await cluster.sendToController(AlterPartitionReassignmentsApi, { timeoutMs, topics }, timeoutMs);
  orThrow(answer.errorCode, "reassignment", answer.errorMessage);
  for (const { name: topic, partitions } of answer.responses)
    for (const { partitionIndex: partition, errorCode, errorMessage } of partitions)
      orThrow(errorCode, partitionName({ topic, partition }), errorMessage);
}

export async function listReassignments(cluster: Cluster, timeoutMs: number): Promise<OngoingReassignment[]> {
  const answer = await cluster.sendToController(ListPartitionReassignmentsApi, { timeoutMs, topics: null }, timeoutMs);
  orThrow(answer.errorCode, "reassignments", answer.errorMessage);
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, replicas, addingReplicas: adding, removingReplicas: removing }) => {
      return { topic, partition, replicas, adding, removing };
    }),
  );
}
