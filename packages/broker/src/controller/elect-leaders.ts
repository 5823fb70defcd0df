import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, PartitionImage } from "../cluster/image.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { changePartitions, type PartitionName } from "./change-partitions.ts";
import type { Problem } from "./create-topic.ts";
import { anyLeader, preferredLeader } from "./elect.ts";

export type Election = "preferred" | "unclean";

/** Elects leaders by hand; one result per partition, in order. */
export const electLeaders = (
  cluster: Cluster,
  election: Election,
  wanted: readonly PartitionName[],
): Promise<Problem[]> => changePartitions(cluster, wanted, (image, now) => decide(image, now, election));

/** Whom Kafka would elect, or its error (KIP-460). */
function decide(image: ClusterImage, now: PartitionImage, election: Election): PartitionNode | Problem {
  if (election === "preferred" ? now.leader === now.replicas[0] : now.leader >= 0) return notNeeded;
  if (election === "preferred") return preferredLeader(image, now) ?? noPreferred;
  return anyLeader(image, now) ?? noneEligible;
}

const notNeeded: Problem = {
  error: ErrorCode.ELECTION_NOT_NEEDED,
  message: "Leader election not needed for topic partition.",
};
const noPreferred: Problem = {
  error: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
  message: "The preferred leader was not available.",
};
const noneEligible: Problem = {
  error: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
  message: "Eligible topic partition leaders are not available.",
};
