import { assert } from "@odradek/kit";
import type { ClusterImage } from "../cluster/image.ts";

/** Replicas and preferred leaderships of one broker. */
type Carried = { replicas: number; preferred: number };

/** A broker, with what it carries already. */
export type Candidate = Carried & {
  id: number;
  /** Null: it stands alone. */
  rack: string | null;
  /** Registered and not stopping. */
  isLive: boolean;
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

/** What brokers will carry of topics that are being created, which no picture shows yet. */
export class UnderWay {
  readonly #carried = new Map<number, Carried>();

  add(placement: Placement): void {
    this.#count(placement, 1);
  }

  remove(placement: Placement): void {
    this.#count(placement, -1);
  }

  of(id: number): Readonly<Carried> {
    return this.#carried.get(id) ?? { replicas: 0, preferred: 0 };
  }

  #count(placement: Placement, by: 1 | -1): void {
    for (const replicas of placement)
      for (const id of replicas) if (!this.#carried.has(id)) this.#carried.set(id, { replicas: 0, preferred: 0 });
    for (const replicas of placement) carry(this.#carried, replicas, by);
  }
}

/** What brokers carry in an image, which many topics of one request are placed by. */
const carriedIn = new WeakMap<ClusterImage, readonly Candidate[]>();

/** Every known broker, with what it carries in this image and will carry of what is under way. */
export function candidatesOf(image: ClusterImage, underWay: UnderWay = new UnderWay()): Candidate[] {
  const now = carriedIn.get(image) ?? candidatesIn(image);
  carriedIn.set(image, now);
  return now.map((candidate) => {
    const { replicas, preferred } = underWay.of(candidate.id);
    return { ...candidate, replicas: candidate.replicas + replicas, preferred: candidate.preferred + preferred };
  });
}

function candidatesIn(image: ClusterImage): Candidate[] {
  const candidates = new Map<number, Candidate>();
  for (const { id, rack } of image.known.values()) {
    const isLive = image.brokers.get(id)?.shuttingDown === false;
    candidates.set(id, { id, rack, isLive, replicas: 0, preferred: 0 });
  }
  for (const topic of image.topics.values())
    for (const { replicas } of topic.partitions) carry(candidates, replicas, 1);
  return [...candidates.values()];
}

function carry(brokers: ReadonlyMap<number, Carried>, replicas: readonly number[], by: 1 | -1): void {
  for (const [place, id] of replicas.entries()) {
    const broker = brokers.get(id);
    if (!broker) continue;
    broker.replicas += by;
    if (place === 0) broker.preferred += by;
  }
}
