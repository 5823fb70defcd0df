import type { ClusterImage, PartitionImage, TopicImage } from "../cluster/image.ts";
import { isSure, withEligible } from "../cluster/eligible.ts";
import { isMoving, nodeOf } from "../cluster/moves.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { isIntact } from "../cluster/registration-checks.ts";
import { completed } from "./reassign.ts";

/** A partition whose node is not what it should be, and what it should be. */
export type PartitionChange = {
  topic: string;
  partition: number;
  /** Version of the node that this change replaces. */
  version: number;
  node: PartitionNode;
  /** Nobody leads it now. */
  isLeaderless: boolean;
};

export type ElectionOptions = {
  /** Whether a topic may be led by a replica outside the ISR when no other is left. */
  mayBeUnclean: (topic: string) => boolean;
  /** min.insync.replicas of the topic: how many must be left when a move ends, and below how many nothing is committed. */
  minInsyncReplicas: (topic: string) => number;
};

/** What one topic's partitions should be, compared with what they are. Level-triggered: only the image counts, not how it came about. */
export function electionsFor(image: ClusterImage, topic: TopicImage, options: ElectionOptions): PartitionChange[] {
  const changes: PartitionChange[] = [];
  for (const partition of topic.partitions) {
    if (partition.version === 0) continue; // its node is missing
    // First who is alive, then who has arrived: a move that could end now is completed by the next picture at the latest.
    const minInsyncReplicas = options.minInsyncReplicas(topic.name);
    const decided =
      shouldBe(image, partition, () => options.mayBeUnclean(topic.name)) ??
      (isMoving(partition) ? completed(image, partition, minInsyncReplicas) : null);
    const node = withEligible(image, partition, { becomes: decided ?? nodeOf(partition), minInsyncReplicas });
    const isOver = String(node.eligible ?? []) !== String(partition.eligible ?? []);
    if (decided !== null || isOver) changes.push(changeOf(image, topic, partition, node));
  }
  return changes;
}

/** Partitions whose first replica is in sync but does not lead: leadership goes back to it, so that load spreads again. */
export function preferredLeadersFor(image: ClusterImage, topic: TopicImage): PartitionChange[] {
  return topic.partitions.flatMap((partition) => {
    // A partition that nobody leads is the business of `electionsFor`.
    if (partition.leader < 0 || !isIntact(image, partition.leader, partition.modifiedRevision)) return [];
    const node = preferredLeader(image, partition);
    return node ? [changeOf(image, topic, partition, node)] : [];
  });
}

/** Led by its first replica; null when that one leads already or is not in sync. */
export function preferredLeader(image: ClusterImage, now: PartitionImage): PartitionNode | null {
  const [preferred] = now.replicas;
  if (preferred === undefined || preferred === now.leader || !now.isr.includes(preferred)) return null;
  if (!isIntact(image, preferred, now.modifiedRevision)) return null;
  return newLeader(now, preferred, now.isr);
}

/** Led by a live replica, in sync if there is one, else by any: what that one lacks is lost (KIP-460). Null when none is alive. */
export function anyLeader(image: ClusterImage, now: PartitionImage): PartitionNode | null {
  const node = shouldBe(image, now, () => true);
  return node !== null && node.leader >= 0 ? node : null;
}

const changeOf = (
  image: ClusterImage,
  topic: TopicImage,
  partition: PartitionImage,
  node: PartitionNode,
): PartitionChange => ({
  topic: topic.name,
  partition: partition.index,
  version: partition.version,
  node,
  isLeaderless: !image.brokers.has(partition.leader),
});

/** What a partition becomes when these of its replicas can't be served, or can be again. */
export function servedWithout(
  image: ClusterImage,
  now: PartitionImage,
  offline: readonly number[],
  mayBeUnclean: () => boolean,
): PartitionNode {
  const then = { ...now, offline };
  return shouldBe(image, then, mayBeUnclean) ?? nodeOf(then);
}

/** Null: it is as it should be. */
function shouldBe(image: ClusterImage, now: PartitionImage, mayBeUnclean: () => boolean): PartitionNode | null {
  const isServed = (id: number): boolean => now.offline?.includes(id) !== true;
  const inSync = now.isr.filter((id) => isServed(id) && isIntact(image, id, now.modifiedRevision));
  if (inSync.length === 0) return withoutInSync(image, now, mayBeUnclean);
  if (inSync.includes(now.leader)) return inSync.length === now.isr.length ? null : sameLeader(now, inSync);
  // The old leader is gone, restarted or stopping: the first live in-sync replica takes over.
  return newLeader(now, now.replicas.find((id) => inSync.includes(id)) ?? inSync[0]!, inSync);
}

/**
 * Nobody in sync can lead as they are: gone, stopping, or restarted. Whoever is back and sure to have everything committed leads (KIP-966), those
 * in sync first: they may have more. While one of those is only away it is waited for. The ISR never gets empty: nobody
 * leading, it names whom we wait for, and in the end who led last.
 */
function withoutInSync(image: ClusterImage, now: PartitionImage, mayBeUnclean: () => boolean): PartitionNode | null {
  const isStopping = image.brokers.get(now.leader)?.shuttingDown === true;
  if (isStopping && now.isr.includes(now.leader)) return now.isr.length === 1 ? null : sameLeader(now, [now.leader]);
  const isBack = (id: number): boolean =>
    image.brokers.get(id)?.shuttingDown === false && now.offline?.includes(id) !== true;
  const isSureNow = (id: number): boolean => isSure(image, id, now.modifiedRevision);
  const inOrder = now.replicas.filter((id) => now.isr.includes(id)).concat(now.eligible ?? []);
  const back = inOrder.find((id) => isBack(id) && isSureNow(id));
  if (back !== undefined) return newLeader(now, back, [back]);
  const awaited = awaitedOf(now, isSureNow);
  if (awaited.length === 1 && isBack(awaited[0]!)) return newLeader(now, awaited[0]!, awaited);
  const unclean = [...(now.lastKnownEligible ?? []), ...now.replicas].find(isBack);
  if (unclean !== undefined && mayBeUnclean()) return newLeader(now, unclean, [unclean]);
  if (now.leader === -1 && String(awaited) === String(now.isr)) return null;
  return newLeader(now, -1, awaited);
}

/** Who may lead when they come back: everybody in sync who lost nothing, else anybody eligible, else who led last, as he is. */
function awaitedOf(now: PartitionImage, isSureNow: (id: number) => boolean): number[] {
  const last = now.leader >= 0 ? now.leader : now.isr[0]!;
  const inSync = [last, ...now.isr.filter((id) => id !== last)].filter(isSureNow);
  if (inSync.length > 0) return inSync;
  const eligible = (now.eligible ?? []).filter(isSureNow);
  return eligible.length > 0 ? eligible : [last];
}

const sameLeader = (now: PartitionImage, isr: readonly number[]): PartitionNode => ({ ...nodeOf(now), isr: [...isr] });

/** Always a new leader epoch, also when the same broker leads again or nobody does (RELIABILITY P-22). */
const newLeader = (now: PartitionImage, leader: number, isr: readonly number[]): PartitionNode => ({
  ...nodeOf(now),
  leader,
  leaderEpoch: now.leaderEpoch + 1,
  isr: [...isr],
});
