import type { Operation } from "@odradek/metadata/client";
import { limits } from "../limits.ts";
import type { InSyncChange, InSyncStore } from "../partition/assignment.ts";
import type { Cluster } from "./cluster.ts";
import { candidatesOf, withEligible } from "./eligible.ts";
import type { ClusterImage } from "./image.ts";
import { nodeOf } from "./moves.ts";
import { encode, type PartitionNode, paths } from "./nodes.ts";
import { registrationChecks } from "./registration-checks.ts";

type Asked = {
  readonly change: InSyncChange;
  readonly settle: (outcome: "accepted" | "rejected") => void;
  readonly fail: (error: unknown) => void;
};

/**
 * A leader's changes of its in-sync replicas, as transactions: the partition's node has exactly the version the leader
 * knows, its own registration and that of every member stand, nobody who joins is stopping (DESIGN D5, RELIABILITY P-12,
 * P-13, P-14). Whoever loses gets "rejected" and acts on the next image. What is asked while a transaction is under way goes into the
 * next one: a broker that comes back joins thousands of partitions at once, and each revision is news for every broker.
 */
export class TreeInSyncStore implements InSyncStore {
  readonly #cluster: Cluster;
  #asked: Asked[] = [];
  #isWriting = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  propose(change: InSyncChange): Promise<"accepted" | "rejected"> {
    return new Promise((settle, fail) => {
      this.#asked.push({ change, settle, fail });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#asked.length > 0) await this.#write(this.#asked.splice(0, limits.inSyncChangesMax));
    this.#isWriting = false;
  }

  /** One transaction for all of them; when it is lost, one for each: who of them lost must not hold back the others. */
  async #write(group: readonly Asked[]): Promise<void> {
    const { image } = this.#cluster;
    const writing: Asked[] = [];
    const writes: Operation[] = [];
    const members = new Set<number>();
    for (const asked of group) {
      const { change } = asked;
      const node = this.#nodeFor(image, change);
      if (node === null) {
        asked.settle("rejected");
        continue;
      }
      writing.push(asked);
      const path = paths.partition(change.topic, change.partition);
      writes.push({ is: "set", path, data: encode(node), version: change.version });
      for (const id of candidatesOf(node)) members.add(id);
    }
    if (writes.length === 0) return;
    try {
      const outcome = await this.#cluster.multi([...registrationChecks(image, members), ...writes]);
      // It may yet be in the tree: the leader must go on counting both sets (RELIABILITY P-09).
      if (outcome.is === "unknown") throw new Error("the session ended before the change was answered");
      if (outcome.is === "done") for (const { settle } of writing) settle("accepted");
      else if (writing.length === 1) writing[0]!.settle("rejected");
      else await Promise.all(writing.map((asked) => this.#write([asked])));
    } catch (error) {
      for (const { fail } of writing) fail(error);
    }
  }

  /** What the partition's node becomes; null: the leader's picture is an old one, or a member is not what the leader takes it for. */
  #nodeFor(image: ClusterImage, change: InSyncChange): PartitionNode | null {
    const partition = image.topics.get(change.topic)?.partitions[change.partition];
    if (!this.#cluster.registration || !partition || partition.version !== change.version) return null;
    if (partition.leader !== this.#cluster.brokerId || partition.leaderEpoch !== change.leaderEpoch) return null;
    if (!mayBeInSync(image, change, partition.isr)) return null;
    return withEligible(image, partition, {
      becomes: { ...nodeOf(partition), isr: change.isr, ...change.leadership },
      minInsyncReplicas: this.#cluster.topicConfig(change.topic).minInsyncReplicas,
    });
  }
}

/** Members who stay must not have restarted since the leader counted them in; members who join must be who caught up. */
function mayBeInSync(image: ClusterImage, change: InSyncChange, before: readonly number[]): boolean {
  const { modifiedRevision } = image.topics.get(change.topic)!.partitions[change.partition]!;
  return change.isr.every((id) => {
    const live = image.brokers.get(id);
    if (before.includes(id))
      return live === undefined || live.shuttingDown || live.registeredRevision < modifiedRevision;
    return live !== undefined && !live.shuttingDown && live.incarnation === change.addedIncarnations.get(id);
  });
}
