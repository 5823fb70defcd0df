import { assert } from "@odradek/kit";
import type { ClusterImage } from "../cluster/image.ts";

export type Candidate = {
  id: number;
  /** Registered and not stopping. */
  isLive: boolean;
  /** Replicas and preferred leaderships it has already. */
  replicas: number;
  preferred: number;
};

/**
 * Replicas for new partitions, first one preferred as leader. Live brokers are taken before those that are away, and among
 * equals the one with the least to do; rack-unaware. The replication factor is never lowered: null when there are too few
 * brokers, dead or alive (DESIGN D4).
 */
export function assign(
  candidates: readonly Candidate[],
  options: { partitions: number; replicationFactor: number },
): number[][] | null {
  const { partitions, replicationFactor } = options;
  assert(replicationFactor >= 1, "a partition has a replica");
  if (candidates.length < replicationFactor) return null;
  const brokers = [...candidates].sort((one, other) => one.id - other.id).map((candidate) => ({ ...candidate }));
  return Array.from({ length: partitions }, (_, index) => {
    const turn = (place: number): number => (place + index) % brokers.length;
    const places = brokers.map((broker, place) => ({ broker, place }));
    const alive = (one: { broker: Candidate }): number => (one.broker.isLive ? 0 : 1);
    places.sort(
      (one, other) =>
        alive(one) - alive(other) ||
        one.broker.preferred - other.broker.preferred ||
        one.broker.replicas - other.broker.replicas ||
        turn(one.place) - turn(other.place),
    );
    const leader = places[0]!;
    const followers = places
      .slice(1)
      .sort(
        (one, other) =>
          alive(one) - alive(other) ||
          one.broker.replicas - other.broker.replicas ||
          turn(one.place) - turn(other.place),
      )
      .slice(0, replicationFactor - 1);
    leader.broker.preferred++;
    for (const { broker } of [leader, ...followers]) broker.replicas++;
    return [leader, ...followers].map(({ broker }) => broker.id);
  });
}

/** Every known broker, with what it carries in this image. */
export function candidatesOf(image: ClusterImage): Candidate[] {
  const candidates = new Map<number, Candidate>();
  for (const id of image.known.keys()) {
    const isLive = image.brokers.get(id)?.shuttingDown === false;
    candidates.set(id, { id, isLive, replicas: 0, preferred: 0 });
  }
  for (const topic of image.topics.values())
    for (const { replicas } of topic.partitions)
      for (const [place, id] of replicas.entries()) {
        const candidate = candidates.get(id);
        if (!candidate) continue;
        candidate.replicas++;
        if (place === 0) candidate.preferred++;
      }
  return [...candidates.values()];
}
