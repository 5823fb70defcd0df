import { AssertionError, type Clock, delay, type Logger } from "@odradek/kit";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, PartitionImage, TopicImage } from "../cluster/image.ts";
import { changePartitions, type PartitionName } from "./change-partitions.ts";
import { servedWithout } from "./elect.ts";

/** Wait before another try when the store could not be reached. */
const RETRY_MS = 500;

type Parts = {
  cluster: Cluster;
  clock: Clock;
  logger: Logger;
  /** Of this broker's replica; null: not known. */
  isOffline: (topic: string, partition: number) => boolean | null;
};

/**
 * Every broker runs one: it tells the cluster, in the partitions' own nodes, which of its replicas can't be served for their disk has failed
 * (KIP-112, KIP-858; RELIABILITY L-12). Telling it and moving the leadership is one write. Compares what is so with what the
 * tree says, so that a missed event changes nothing.
 */
export class OfflineReplicas {
  readonly #parts: Parts;
  /** Topics whose nodes say what is so, as long as nothing changes here. */
  #agreed = new WeakSet<TopicImage>();
  #isBusy = false;
  #isDirty = false;
  #isClosed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.cluster.onImage(() => this.#wake());
    this.#wake();
  }

  /** What `isOffline` says of some partitions has changed. */
  changed(): void {
    this.#agreed = new WeakSet();
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
  }

  #wake(): void {
    this.#isDirty = true;
    if (!this.#isBusy && !this.#isClosed) void this.#run();
  }

  async #run(): Promise<void> {
    const { cluster, clock, logger } = this.#parts;
    this.#isBusy = true;
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      const wrong = cluster.registration === null ? [] : this.#wrong(cluster.image);
      if (wrong.length === 0) continue;
      const offline = wrong.filter((partition) => this.#isOffline(partition)).length;
      const fields = { evt: "offline-replicas", offline, back: wrong.length - offline };
      logger.warn(fields, "telling which replicas can't be served here");
      try {
        await changePartitions(cluster, wrong, (image, now, one) => this.#decide(image, now, one));
      } catch (cause) {
        if (cause instanceof AssertionError) throw cause;
        logger.warn({ err: cause }, "could not tell which replicas can't be served");
      }
      // Whatever was refused or not answered shows in the next comparison.
      this.#isDirty = true;
      if (this.#wrong(cluster.image).length > 0) await delay(clock, RETRY_MS);
    }
    this.#isBusy = false;
  }

  #wrong(image: ClusterImage): PartitionName[] {
    const wrong: PartitionName[] = [];
    for (const topic of image.topics.values()) {
      if (this.#agreed.has(topic)) continue;
      const here = topic.partitions.filter((partition) => this.#isWrong(topic.name, partition));
      wrong.push(...here.map(({ index }) => ({ topic: topic.name, partition: index })));
      // One that is still being opened is asked about when it has been.
      if (here.length === 0) this.#agreed.add(topic);
    }
    return wrong;
  }

  #isWrong(topic: string, { index, replicas, offline, version }: PartitionImage): boolean {
    const { brokerId } = this.#parts.cluster;
    if (version === 0 || !replicas.includes(brokerId)) return false;
    const isOffline = this.#isOffline({ topic, partition: index });
    return isOffline !== null && isOffline !== (offline?.includes(brokerId) === true);
  }

  #isOffline({ topic, partition }: PartitionName): boolean | null {
    return this.#parts.isOffline(topic, partition);
  }

  #decide(image: ClusterImage, now: PartitionImage, one: PartitionName) {
    const { cluster } = this.#parts;
    const others = (now.offline ?? []).filter((id) => id !== cluster.brokerId);
    const offline = this.#isOffline(one) === true ? [...others, cluster.brokerId] : others;
    return servedWithout(image, now, offline, () => cluster.topicConfig(one.topic).uncleanLeaderElection);
  }
}
