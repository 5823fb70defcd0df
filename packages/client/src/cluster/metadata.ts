import { type MetadataResponse, UUID_ZERO } from "@odradek/protocol";
import type { Address } from "./options.ts";

export type BrokerNode = Address & { readonly id: number; readonly rack: string | null };

export type PartitionMetadata = {
  readonly partition: number;
  /** Broker id; -1: none at the moment. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
  readonly offlineReplicas: readonly number[];
};

export type TopicMetadata = {
  readonly name: string;
  /** Null from brokers older than 2.8. */
  readonly topicId: string | null;
  readonly isInternal: boolean;
  readonly errorCode: number;
  /** In order of their numbers. */
  readonly partitions: readonly PartitionMetadata[];
};

export type ClusterMetadata = {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerNode>;
  readonly topics: ReadonlyMap<string, TopicMetadata>;
};

export function clusterMetadata(response: MetadataResponse): ClusterMetadata {
  return {
    clusterId: response.clusterId,
    controllerId: response.controllerId,
    brokers: new Map(response.brokers.map(({ nodeId: id, host, port, rack }) => [id, { id, host, port, rack }])),
    topics: new Map(response.topics.map((topic) => [topic.name ?? "", topicMetadata(topic)])),
  };
}

function topicMetadata(topic: MetadataResponse["topics"][number]): TopicMetadata {
  const partitions = topic.partitions.map((partition) => ({
    partition: partition.partitionIndex,
    leader: partition.leaderId,
    leaderEpoch: partition.leaderEpoch,
    replicas: partition.replicaNodes,
    inSyncReplicas: partition.isrNodes,
    offlineReplicas: partition.offlineReplicas,
  }));
  partitions.sort((a, b) => a.partition - b.partition);
  return {
    name: topic.name ?? "",
    topicId: topic.topicId === UUID_ZERO ? null : topic.topicId,
    isInternal: topic.isInternal,
    errorCode: topic.errorCode,
    partitions,
  };
}

/** `before` with what a younger, perhaps partial answer says. Topics that were not asked for stay. */
export function merged(before: ClusterMetadata | null, after: ClusterMetadata): ClusterMetadata {
  if (before === null) return after;
  const topics = new Map(before.topics);
  for (const [name, topic] of after.topics) {
    const known = topics.get(name);
    topics.set(name, known === undefined ? topic : withNewestLeaders(known, topic));
  }
  return { ...after, topics };
}

/** A lagging broker may name an older leader than we know already: a partition's epoch never goes back, unless the topic is another. */
function withNewestLeaders(known: TopicMetadata, younger: TopicMetadata): TopicMetadata {
  if (known.topicId !== younger.topicId || younger.errorCode !== 0) return younger;
  const partitions = younger.partitions.map((partition) => {
    const before = known.partitions[partition.partition];
    return before !== undefined && partition.leaderEpoch >= 0 && before.leaderEpoch > partition.leaderEpoch
      ? before
      : partition;
  });
  return { ...younger, partitions };
}
