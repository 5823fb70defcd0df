import type { ClusterImage, PartitionImage } from "./image.ts";
import { replicationFactorOf } from "./moves.ts";
import type { PartitionNode } from "./nodes.ts";

// Eligible leader replicas (KIP-966). While fewer than min.insync.replicas are in sync the high watermark stands still, so whoever leaves the
// in-sync replicas then, or left them on the way there, goes on holding everything committed and may lead when nobody in sync is left.
// Only a loss takes that away: a registration after which nobody can say that what was written before is still there.

type Candidates = Pick<PartitionNode, "isr" | "eligible">;

/** Everybody who holds what is committed, as far as the partition's node knows: those in sync first. */
export const candidatesOf = ({ isr, eligible = [] }: Readonly<Candidates> | PartitionImage): number[] => [
  ...isr,
  ...eligible,
];

/** Whether nothing happened since the partition's node was written that may have taken records from this replica. */
export function isSure(image: ClusterImage, id: number, modifiedRevision: number): boolean {
  return (image.known.get(id)?.lostRevision ?? 0) < modifiedRevision;
}

/** What the partition's node becomes, with the eligible replicas that follow from where it stands and where it goes. */
export function withEligible(
  image: ClusterImage,
  now: PartitionImage,
  options: { becomes: PartitionNode; minInsyncReplicas: number },
): PartitionNode {
  const { eligible: _, lastKnownEligible: __, ...node } = options.becomes;
  if (node.isr.length >= Math.min(options.minInsyncReplicas, replicationFactorOf(node))) return node;
  const outside = (id: number): boolean => node.replicas.includes(id) && !node.isr.includes(id);
  const candidates = candidatesOf(now).filter(outside);
  const eligible = candidates.filter((id) => isSure(image, id, now.modifiedRevision));
  const before = new Set([...candidates, ...(now.lastKnownEligible ?? [])]);
  const lastKnownEligible = [...before].filter((id) => outside(id) && !eligible.includes(id));
  return {
    ...node,
    ...(eligible.length > 0 ? { eligible } : {}),
    ...(lastKnownEligible.length > 0 ? { lastKnownEligible } : {}),
  };
}
