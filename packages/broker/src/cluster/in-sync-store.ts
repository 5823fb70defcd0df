import type { InSyncChange, InSyncStore } from "../partition/assignment.ts";
import type { Cluster } from "./cluster.ts";
import { candidatesOf, withEligible } from "./eligible.ts";
import type { ClusterImage } from "./image.ts";
import { nodeOf } from "./moves.ts";
import { encode, paths } from "./nodes.ts";
import { registrationChecks } from "./registration-checks.ts";

/**
 * A leader's changes of its in-sync replicas, as transactions: the partition's node has exactly the version the leader
 * knows, its own registration and that of every member stand, nobody who joins is stopping (DESIGN D5, RELIABILITY P-12,
 * P-13, P-14). Whoever loses gets "rejected" and acts on the next image.
 */
export class TreeInSyncStore implements InSyncStore {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async propose(change: InSyncChange): Promise<"accepted" | "rejected"> {
    const { image, registration } = this.#cluster;
    if (!registration) return "rejected";
    const partition = image.topics.get(change.topic)?.partitions[change.partition];
    if (!partition || partition.version !== change.version) return "rejected";
    if (partition.leader !== this.#cluster.brokerId || partition.leaderEpoch !== change.leaderEpoch) return "rejected";
    if (!mayBeInSync(image, change, partition.isr)) return "rejected";
    const node = withEligible(image, partition, {
      becomes: { ...nodeOf(partition), isr: change.isr, ...change.leadership },
      minInsyncReplicas: this.#cluster.topicConfig(change.topic).minInsyncReplicas,
    });
    const path = paths.partition(change.topic, change.partition);
    const outcome = await this.#cluster.multi([
      ...registrationChecks(image, candidatesOf(node)),
      { is: "set", path, data: encode(node), version: change.version },
    ]);
    // It may yet be in the tree: the leader must go on counting both sets (RELIABILITY P-09).
    if (outcome.is === "unknown") throw new Error("the session ended before the change was answered");
    return outcome.is === "done" ? "accepted" : "rejected";
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
