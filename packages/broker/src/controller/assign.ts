import { assert } from "@odradek/kit";
import type { ClusterImage } from "../cluster/image.ts";

export type Candidate = {
  id: number;
  /** Null: it stands alone. */
  rack: string | null;
  /** Registered and not stopping. */
  isLive: boolean;
  /** Replicas and preferred leaderships it has already. */
  replicas: number;
  preferred: number;
};

type Load = Candidate & {
  /** What the partitions placed so far gave it. */
  leadsHere: number;
  replicasHere: number;
  /** How often it stands at a place behind a leader: the second place takes over when that one dies. */
  behind: Map<string, number>;
};

/**
 * Replicas for new partitions, first one preferred as leader. Live brokers are taken before those that are away. The
 * partitions are spread evenly over them, each leader's successors too; where that leaves a choice, the broker that
 * carries least is taken. Replicas of one partition stand in different racks as far as there are enough (KIP-36). The replication factor is never lowered: null when there are too few brokers, dead
 * or alive (DESIGN D4).
 */
export function assign(
  candidates: readonly Candidate[],
  options: { partitions: number; replicationFactor: number },
): number[][] | null {
  const { partitions, replicationFactor } = options;
  assert(replicationFactor >= 1, "a partition has a replica");
  if (candidates.length < replicationFactor) return null;
  const loads = [...candidates]
    .sort((one, other) => one.id - other.id)
    .map((candidate): Load => ({ ...candidate, leadsHere: 0, replicasHere: 0, behind: new Map() }));
  return Array.from({ length: partitions }, () => {
    const leader = leastOf(loads, (load) => [away(load), load.leadsHere, load.preferred, load.replicas]);
    const chosen = [leader];
    while (chosen.length < replicationFactor) {
      const place = `${chosen.length} behind ${leader.id}`;
      const behind = (load: Load): number => load.behind.get(place) ?? 0;
      const rest = loads.filter((load) => !chosen.includes(load));
      const next = leastOf(rest, (load) => [
        away(load),
        inItsRack(chosen, load),
        behind(load),
        load.replicasHere,
        load.replicas,
      ]);
      next.behind.set(place, behind(next) + 1);
      chosen.push(next);
    }
    leader.leadsHere++;
    leader.preferred++;
    for (const load of chosen) {
      load.replicasHere++;
      load.replicas++;
    }
    return chosen.map(({ id }) => id);
  });
}

const inItsRack = (chosen: readonly Candidate[], { rack }: Candidate): number =>
  rack === null ? 0 : chosen.filter((other) => other.rack === rack).length;

const away = ({ isLive }: Candidate): number => (isLive ? 0 : 1);

/** The one whose numbers come first; among equals the first one. */
function leastOf(loads: readonly Load[], numbersOf: (load: Load) => readonly number[]): Load {
  let least = loads[0]!;
  let leastNumbers = numbersOf(least);
  for (const load of loads.slice(1)) {
    const numbers = numbersOf(load);
    const at = numbers.findIndex((number, place) => number !== leastNumbers[place]);
    if (at >= 0 && numbers[at]! < leastNumbers[at]!) [least, leastNumbers] = [load, numbers];
  }
  return least;
}

/** The replicas of each partition of a topic. */
export type Placement = readonly (readonly number[])[];

/** What brokers carry in an image, which many topics of one request are placed by. */
const carried = new WeakMap<ClusterImage, ReadonlyMap<number, Candidate>>();

/** Every known broker, with what it carries in this image and will carry of what is under way. */
export function candidatesOf(image: ClusterImage, underWay: Iterable<Placement> = []): Candidate[] {
  const now = carried.get(image) ?? candidatesIn(image);
  carried.set(image, now);
  const candidates = new Map([...now].map(([id, candidate]) => [id, { ...candidate }]));
  for (const placement of underWay) for (const replicas of placement) carry(candidates, replicas);
  return [...candidates.values()];
}

function candidatesIn(image: ClusterImage): Map<number, Candidate> {
  const candidates = new Map<number, Candidate>();
  for (const { id, rack } of image.known.values()) {
    const isLive = image.brokers.get(id)?.shuttingDown === false;
    candidates.set(id, { id, rack, isLive, replicas: 0, preferred: 0 });
  }
  for (const topic of image.topics.values()) for (const { replicas } of topic.partitions) carry(candidates, replicas);
  return candidates;
}

function carry(candidates: ReadonlyMap<number, Candidate>, replicas: readonly number[]): void {
  for (const [place, id] of replicas.entries()) {
    const candidate = candidates.get(id);
    if (!candidate) continue;
    candidate.replicas++;
    if (place === 0) candidate.preferred++;
  }
}
