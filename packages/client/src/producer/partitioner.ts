import { integerBelow, type Random } from "@odradek/kit";
import { partitionOfKey } from "@odradek/protocol";
import type { TopicMetadata } from "../cluster/metadata.ts";

/** Kafka's choice of partitions: murmur2 of the key; without key the same partition until its batch has left, then another. */
export class Partitioner {
  readonly #random: Random;
  readonly #sticky = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  partition(topic: TopicMetadata, key: Buffer | null): number {
    const count = topic.partitions.length;
    if (key !== null) return partitionOfKey(key, count);
    const kept = this.#sticky.get(topic.name);
    if (kept !== undefined && kept < count) return kept;
    const led = topic.partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => partition);
    const choices = led.length > 0 ? led : topic.partitions.map(({ partition }) => partition);
    const chosen = choices[integerBelow(this.#random, choices.length)]!;
    this.#sticky.set(topic.name, chosen);
    return chosen;
  }

  /** The partition's batch has left: keyless records of the topic may go elsewhere. */
  batchLeft(topic: string, partition: number): void {
    if (this.#sticky.get(topic) === partition) this.#sticky.delete(topic);
  }
}
