import type { PartitionImage } from "./image.ts";
import type { PartitionNode } from "./nodes.ts";

// A partition that is being moved (KIP-455) has the replicas of both ends: those it is moving to, in their order, then those it is
// going to leave. `adding` are the ones that are new, `removing` the ones that go. An ordinary partition has neither.

type Placed = Pick<PartitionImage, "replicas" | "adding" | "removing">;

export const isMoving = ({ adding, removing }: Placed): boolean => Boolean(adding?.length) || Boolean(removing?.length);

/** Where a partition is going; where it is, when it goes nowhere. */
export const targetOf = ({ replicas, removing = [] }: Placed): number[] =>
  replicas.filter((id) => !removing.includes(id));

/** Where a partition came from. */
export const originOf = ({ replicas, adding = [] }: Placed): number[] => replicas.filter((id) => !adding.includes(id));

/** Replicas that the minimum of in-sync ones is measured by: while both ends are counted, a move must not raise it. */
export const replicationFactorOf = (placed: Placed): number =>
  Math.min(targetOf(placed).length, originOf(placed).length) || placed.replicas.length;

/** The partition's node as it stands, for whoever changes only a part of it. */
export function nodeOf(now: PartitionImage): PartitionNode {
  const { replicas, leader, leaderEpoch, isr, adding, removing, eligible, lastKnownEligible, offline } = now;
  return {
    replicas: [...replicas],
    leader,
    leaderEpoch,
    isr: [...isr],
    ...(adding?.length ? { adding: [...adding] } : {}),
    ...(removing?.length ? { removing: [...removing] } : {}),
    ...(eligible?.length ? { eligible: [...eligible] } : {}),
    ...(lastKnownEligible?.length ? { lastKnownEligible: [...lastKnownEligible] } : {}),
    ...(offline?.length ? { offline: [...offline] } : {}),
  };
}
