import type { CommittedOffset } from "./records.ts";

type ByPartition = Map<number, CommittedOffset>;
type ByTopic = Map<string, ByPartition>;

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** The committed positions of all groups of a shard. Changed by records only. */
export class Offsets {
  readonly #groups = new Map<string, ByTopic>();

  get(group: string, topic: string, partition: number): CommittedOffset | null {
    return this.#groups.get(group)?.get(topic)?.get(partition) ?? null;
  }

  /** Topics with their partitions; empty when the group has committed nothing. */
  of(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(group) ?? new Map<string, ByPartition>();
  }

  /** Groups that have committed something. */
  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  put(group: string, topic: string, partition: number, value: CommittedOffset | null): void {
    if (value === null) return this.#forget(group, topic, partition);
    const topics = getOrMake(this.#groups, group, () => new Map<string, ByPartition>());
    getOrMake(topics, topic, () => new Map<number, CommittedOffset>()).set(partition, value);
  }

  #forget(group: string, topic: string, partition: number): void {
    const topics = this.#groups.get(group);
    const partitions = topics?.get(topic);
    if (!topics || !partitions) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(group);
  }

  /** Everything of a group for which `picks` holds. */
  select(group: string, picks: (topic: string, offset: CommittedOffset) => boolean): TopicPartition[] {
    const selected: TopicPartition[] = [];
    for (const [topic, partitions] of this.of(group))
      for (const [partition, offset] of partitions) if (picks(topic, offset)) selected.push({ topic, partition });
    return selected;
  }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
