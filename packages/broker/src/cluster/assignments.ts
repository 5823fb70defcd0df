import type { TopicConfig } from "../config.ts";
import type { Assignment, Peer } from "../partition/assignment.ts";
import type { Cluster } from "./cluster.ts";
import type { BrokerImage, ClusterImage, ConfigImage, PartitionImage, TopicImage } from "./image.ts";
import { replicationFactorOf } from "./moves.ts";
import { ALL_BROKERS } from "./nodes.ts";
import type { Registration } from "./register.ts";

/** What replication needs to know of one image: plain values, so that it knows nothing of the tree. */
export type Picture = { brokers: Map<number, Peer>; assignments: Assignment[]; revision: number };

type Remembered = { topic: TopicImage; config: ConfigImage | undefined; assignments: Assignment[] };

/** Turns images into pictures. What did not change keeps its objects, so that the next room can compare by identity. */
export class Pictures {
  readonly #cluster: Cluster;
  #remembered = new Map<string, Remembered>();
  #registration: Registration | null = null;
  #broker: ConfigImage | undefined;
  #brokers: ConfigImage | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** The picture of the newest image: all partitions with a replica here, and the live brokers. */
  newest(): Picture {
    const { image, registration, brokerId } = this.#cluster;
    const broker = image.brokerConfigs.get(String(brokerId));
    const brokers = image.brokerConfigs.get(ALL_BROKERS);
    const isSame = registration === this.#registration && broker === this.#broker && brokers === this.#brokers;
    if (!isSame) this.#remembered = new Map();
    [this.#registration, this.#broker, this.#brokers] = [registration, broker, brokers];

    const remembered = new Map<string, Remembered>();
    const assignments: Assignment[] = [];
    for (const topic of image.topics.values()) {
      const config = image.topicConfigs.get(topic.name);
      const before = this.#remembered.get(topic.name);
      const now =
        before?.topic === topic && before.config === config
          ? before
          : { topic, config, assignments: this.#assignments(topic, config, before) };
      remembered.set(topic.name, now);
      assignments.push(...now.assignments);
    }
    this.#remembered = remembered;
    return { brokers: peersOf(image), assignments, revision: image.revision };
  }

  #assignments(topic: TopicImage, config: ConfigImage | undefined, before: Remembered | undefined): Assignment[] {
    const configOf = configPerFactor(() => this.#cluster.topicConfig(topic.name));
    const reusable: (Assignment | undefined)[] = [];
    if (before?.config === config && before?.topic.id === topic.id)
      for (const assignment of before.assignments) reusable[assignment.partition] = assignment;
    const assignments: Assignment[] = [];
    for (const partition of topic.partitions) {
      if (!partition.replicas.includes(this.#cluster.brokerId)) continue;
      const same = reusable[partition.index];
      const isSame = same !== undefined && before?.topic.partitions[partition.index] === partition;
      assignments.push(
        isSame
          ? same
          : assignmentOf(topic, partition, {
              brokerId: this.#cluster.brokerId,
              registration: this.#registration,
              config: configOf(replicationFactorOf(partition)),
            }),
      );
    }
    return assignments;
  }
}

export function peersOf(image: ClusterImage): Map<number, Peer> {
  return new Map([...image.brokers.values()].map((broker) => [broker.id, peerOf(broker)]));
}

const peerOf = ({ id, grpcAddress, incarnation, shuttingDown }: BrokerImage): Peer => ({
  id,
  grpcAddress,
  incarnation,
  shuttingDown,
});

const assignmentOf = (
  topic: TopicImage,
  partition: PartitionImage,
  { brokerId, registration, config }: { brokerId: number; registration: Registration | null; config: TopicConfig },
): Assignment => ({
  topic: topic.name,
  topicId: topic.id,
  partition: partition.index,
  replicas: [...partition.replicas],
  leader: partition.leader,
  leaderEpoch: partition.leaderEpoch,
  isr: [...partition.isr],
  hasEligible: Boolean(partition.eligible?.length),
  isOffline: partition.offline?.includes(brokerId) === true,
  version: partition.version,
  leadsSinceRegistration: registration !== null && partition.modifiedRevision > registration.revision,
  config,
});

/** The effective minimum of in-sync replicas is never more than the partition has replicas (DESIGN D4). */
function configPerFactor(resolve: () => TopicConfig): (replicationFactor: number) => TopicConfig {
  const made = new Map<number, TopicConfig>();
  let resolved: TopicConfig | undefined;
  return (replicationFactor) => {
    const before = made.get(replicationFactor);
    if (before) return before;
    resolved ??= resolve();
    const minInsyncReplicas = Math.min(resolved.minInsyncReplicas, Math.max(1, replicationFactor));
    const config = minInsyncReplicas === resolved.minInsyncReplicas ? resolved : { ...resolved, minInsyncReplicas };
    made.set(replicationFactor, config);
    return config;
  };
}
