import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, PartitionImage } from "../cluster/image.ts";
import { originOf } from "../cluster/moves.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { changePartitions, type PartitionName } from "./change-partitions.ts";
import { type Problem, problemWithAssignments } from "./create-topic.ts";
import { begun, cancelled } from "./reassign.ts";

export type Reassignment = PartitionName & {
  /** Null: the move under way is cancelled. */
  readonly replicas: readonly number[] | null;
};

/** Begins and cancels moves; the controller completes them. One result per partition, in order. */
export const reassignPartitions = (
  cluster: Cluster,
  wanted: readonly Reassignment[],
  options: { mayChangeFactor: boolean },
): Promise<Problem[]> =>
  changePartitions(cluster, wanted, (image, now, { replicas }) =>
    replicas === null ? cancel(image, now) : begin(image, now, replicas, options),
  );

function cancel(image: ClusterImage, now: PartitionImage): PartitionNode | Problem {
  const node = cancelled(image, now);
  if (node === "leaderless") return nobodyInSync;
  return node ?? { error: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, message: "" };
}

function begin(
  image: ClusterImage,
  now: PartitionImage,
  replicas: readonly number[],
  { mayChangeFactor }: { mayChangeFactor: boolean },
): PartitionNode | Problem {
  const problem = problemWithAssignments(image, [replicas]);
  if (problem) return problem;
  const factor = originOf(now).length;
  if (!mayChangeFactor && replicas.length !== factor)
    return {
      error: ErrorCode.INVALID_REPLICATION_FACTOR,
      message: `The replication factor is changed from ${factor} to ${replicas.length}`,
    };
  const node = begun(image, now, replicas);
  if (node === "leaderless") return nobodyInSync;
  return node ?? { error: ErrorCode.NONE, message: "" };
}

const nobodyInSync: Problem = {
  error: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
  message: "None of the replicas that would be left is in sync.",
};
