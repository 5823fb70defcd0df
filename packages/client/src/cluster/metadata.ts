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
  /** Null from brokers older than 2.8. Of a topic that is gone, the last one it had. */
  readonly topicId: string | null;
  /** The topic that this one has replaced under its name, as far as we saw it, and until when who still names it counts as lagging. */
  readonly replaced?: { readonly topicId: string; readonly untilMs: number } | null;
  readonly isInternal: boolean;
  readonly errorCode: number;
  /** In order of their numbers. */
  readonly partitions: readonly PartitionMetadata[];
};

/** First version of Produce and of Fetch that says topics by their ids (KIP-516). */
export const TOPIC_IDS_SINCE = 13;

/** The newest version of Produce and Fetch in which all these topics can be said. */
export const versionMaxFor = (topicIds: readonly (string | null)[]): number =>
  topicIds.includes(null) ? TOPIC_IDS_SINCE - 1 : Infinity;

/** Whom something about a partition was sent to, as what. */
export type Route = { readonly topicId: string | null; readonly leader: number; readonly leaderEpoch: number };

/** The way to a partition; null while it has no leader, undefined when there is no such partition. */
export function routeOf(topic: TopicMetadata | undefined, partition: number): Route | null | undefined {
  const known = topic?.partitions[partition];
  if (topic === undefined || known === undefined) return undefined;
  const { leader, leaderEpoch } = known;
  return leader < 0 ? null : { topicId: topic.topicId, leader, leaderEpoch };
}

/** The partition has got another leader, or the topic is another. Null: nobody is known to lead. */
export function hasMoved(now: Route | null, before: Route | null): boolean {
  if (now === null) return false;
  if (before === null || now.topicId !== before.topicId) return true;
  return now.leaderEpoch < 0 ? now.leader !== before.leader : now.leaderEpoch > before.leaderEpoch;
}

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

/**
 * Of two ids the one that was heard first need not be the older: the first answer may be the news, and the second that of a lagging broker.
 * So a replaced id is not refused for ever, only until a broker that is cut off is no longer counted in (Kafka's session timeout: 9 s).
 */
const REPLACED_MS = 10_000;

/** `before` with what a younger, perhaps partial answer says. Topics that were not asked for stay. */
export function merged(before: ClusterMetadata | null, after: ClusterMetadata, nowMs: number): ClusterMetadata {
  if (before === null) return after;
  const topics = new Map(before.topics);
  for (const [name, topic] of after.topics) {
    const known = topics.get(name);
    topics.set(name, known === undefined ? topic : withNewestLeaders(known, topic, nowMs));
  }
  return { ...after, topics };
}

/**
 * A lagging broker may name an older leader than we know already: a partition's epoch never goes back, unless the topic is another. And it
 * may still know the topic that this one has replaced.
 */
function withNewestLeaders(known: TopicMetadata, younger: TopicMetadata, nowMs: number): TopicMetadata {
  const { topicId, replaced = null } = known;
  if (younger.errorCode !== 0) return { ...younger, topicId, replaced };
  // Brokers older than 2.8 say no ids: that is no word about which topic it is.
  if (topicId !== null && younger.topicId !== null && younger.topicId !== topicId) {
    if (replaced !== null && younger.topicId === replaced.topicId && nowMs < replaced.untilMs) return known;
    return { ...younger, replaced: { topicId, untilMs: nowMs + REPLACED_MS } };
  }
  const partitions = younger.partitions.map((partition) => {
    const before = known.partitions[partition.partition];
    return before !== undefined && partition.leaderEpoch >= 0 && before.leaderEpoch > partition.leaderEpoch
      ? before
      : partition;
  });
  return { ...younger, topicId: younger.topicId ?? topicId, replaced, partitions };
}

/** Whom an answer names as the leader, with an error that says that the asked broker is not (KIP-951). */
export type LeaderHint = {
  readonly topic: string;
  /** The one that was asked about: what is under its name by now may be another. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Where the named brokers are. */
  readonly endpoints: readonly { nodeId: number; host: string; port: number; rack: string | null }[];
};

/**
 * `before` with the leader of the hint; null when it says nothing that is newer, is about a topic that is gone, or names a broker of which
 * nobody knows where it is.
 */
export function withLeader(before: ClusterMetadata | null, hint: LeaderHint): ClusterMetadata | null {
  const topic = before?.topics.get(hint.topic);
  const known = topic?.partitions[hint.partition];
  if (!before || !topic || !known || hint.topicId !== topic.topicId) return null;
  if (hint.leader < 0 || hint.leaderEpoch <= known.leaderEpoch) return null;
  const named = hint.endpoints.find(({ nodeId }) => nodeId === hint.leader);
  const brokers = new Map(before.brokers);
  if (named) brokers.set(named.nodeId, { id: named.nodeId, host: named.host, port: named.port, rack: named.rack });
  if (!brokers.has(hint.leader)) return null;
  const partitions = topic.partitions.with(hint.partition, {
    ...known,
    leader: hint.leader,
    leaderEpoch: hint.leaderEpoch,
  });
  return { ...before, brokers, topics: new Map(before.topics).set(hint.topic, { ...topic, partitions }) };
}
