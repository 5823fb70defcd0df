import type { ClusterImage, PartitionImage } from "../cluster/image.ts";
import { isMoving, nodeOf, originOf, targetOf } from "../cluster/moves.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { isIntact } from "../cluster/registration-checks.ts";

// Moving a partition to other replicas (KIP-455), pure: first the new replicas are added, and when all of them are in sync the old ones
// go in one write. Nothing here decides who is in sync: that is the leader's, as ever.

/**
 * The partition on its way to `target`; null: it is on its way there already. Whatever move was under way is given up: who was being added
 * and is not wanted any more goes at once, and cancelling returns to where the partition stood before the first move.
 */
export function begun(
  image: ClusterImage,
  now: PartitionImage,
  target: readonly number[],
): PartitionNode | "leaderless" | null {
  const origin = originOf(now);
  const adding = target.filter((id) => !origin.includes(id));
  const removing = origin.filter((id) => !target.includes(id));
  const replicas = [...target, ...removing];
  const node: PartitionNode = { ...nodeOf(now), replicas };
  delete node.adding;
  delete node.removing;
  if (adding.length > 0) node.adding = adding;
  if (removing.length > 0) node.removing = removing;
  if (sameNode(node, nodeOf(now))) return null;
  return kept(image, now, node);
}

/** The partition back where it came from; null when it is not being moved, "leaderless" when nobody there is in sync (P-20). */
export function cancelled(image: ClusterImage, now: PartitionImage): PartitionNode | "leaderless" | null {
  return isMoving(now) ? begun(image, now, originOf(now)) : null;
}

/**
 * The partition at its goal: every new replica is in sync and enough of those that stay are, so that what was acknowledged stays as safe as
 * it was (RELIABILITY P-20, KAFKA-15665). Always a new leader epoch: who has left must not be taken for a replica any more. Null: not yet.
 */
export function completed(image: ClusterImage, now: PartitionImage, minInsyncReplicas: number): PartitionNode | null {
  if (!isMoving(now) || !isIntact(image, now.leader, now.modifiedRevision)) return null;
  const replicas = targetOf(now);
  const isr = now.isr.filter((id) => replicas.includes(id));
  const isThere = (id: number): boolean => isr.includes(id) && isIntact(image, id, now.modifiedRevision);
  if (!(now.adding ?? []).every(isThere)) return null;
  if (isr.length < Math.max(1, Math.min(minInsyncReplicas, replicas.length))) return null;
  const leader = isr.includes(now.leader) ? now.leader : replicas.find(isThere);
  if (leader === undefined) return null;
  return { replicas, leader, leaderEpoch: now.leaderEpoch + 1, isr };
}

/** Without those who are no replicas any more: they leave the in-sync replicas, and another leads where they led. */
function kept(image: ClusterImage, now: PartitionImage, node: PartitionNode): PartitionNode | "leaderless" {
  const isr = now.isr.filter((id) => node.replicas.includes(id));
  if (isr.length === 0) return "leaderless";
  const isGone = now.replicas.some((id) => !node.replicas.includes(id));
  if (!isGone) return node;
  const isAlive = (id: number): boolean => isr.includes(id) && isIntact(image, id, now.modifiedRevision);
  const isLed = now.leader === -1 || node.replicas.includes(now.leader);
  const leader = isLed ? now.leader : node.replicas.find(isAlive);
  if (leader === undefined) return "leaderless";
  return { ...node, isr, leader, leaderEpoch: now.leaderEpoch + 1 };
}

const sameNode = (one: PartitionNode, other: PartitionNode): boolean =>
  String(one.replicas) === String(other.replicas) &&
  String(one.adding ?? []) === String(other.adding ?? []) &&
  String(one.removing ?? []) === String(other.removing ?? []);
