import {
  CreatePartitionsApi,
  CreateTopicsApi,
  DeleteRecordsApi,
  DeleteTopicsApi,
  ErrorCode,
  UUID_ZERO,
} from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { TopicMetadata } from "../cluster/metadata.ts";
import { groupedBy, type Partition, partitionName } from "../cluster/offsets.ts";
import { KafkaError, orThrow } from "../errors.ts";

export type TopicListing = {
  readonly name: string;
  readonly topicId: string | null;
  readonly isInternal: boolean;
  readonly partitionCount: number;
  readonly replicationFactor: number;
};

export type TopicDescription = Omit<TopicMetadata, "errorCode">;

export type NewTopic = {
  readonly name: string;
  /** Left out: the broker's default. */
  readonly partitionCount?: number;
  readonly replicationFactor?: number;
  /** Broker ids by partition, the preferred leader first; instead of the two above. */
  readonly replicaAssignments?: readonly (readonly number[])[];
  readonly configs?: { readonly [name: string]: string | null };
};

export type CreatedTopic = Omit<TopicListing, "isInternal">;
export type LogStart = Partition & { readonly logStartOffset: number };

const BROKER_DEFAULT = -1;

export async function listTopics(cluster: Cluster): Promise<TopicListing[]> {
  const { topics } = await cluster.refresh(null);
  return [...topics.values()]
    .map(({ name, topicId, isInternal, partitions }) => ({
      name,
      topicId,
      isInternal,
      partitionCount: partitions.length,
      replicationFactor: partitions[0]?.replicas.length ?? 0,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function describeTopics(cluster: Cluster, names: readonly string[]): Promise<TopicDescription[]> {
  if (names.length === 0) return [];
  const { topics } = await cluster.refresh(names);
  return names.map((name) => {
    const topic = topics.get(name);
    if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${name}`);
    orThrow(topic.errorCode, `topic ${name}`);
    const { topicId, isInternal, partitions } = topic;
    return { name, topicId, isInternal, partitions };
  });
}

export async function createTopics(
  cluster: Cluster,
  topics: readonly NewTopic[],
  options: { readonly timeoutMs: number; readonly isValidateOnly: boolean },
): Promise<CreatedTopic[]> {
  const request = {
    topics: topics.map((topic) => ({
      name: topic.name,
      numPartitions: topic.replicaAssignments === undefined ? (topic.partitionCount ?? BROKER_DEFAULT) : BROKER_DEFAULT,
      replicationFactor:
        topic.replicaAssignments === undefined ? (topic.replicationFactor ?? BROKER_DEFAULT) : BROKER_DEFAULT,
      assignments: (topic.replicaAssignments ?? []).map((brokerIds, partitionIndex) => ({
        partitionIndex,
        brokerIds: [...brokerIds],
      })),
      configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
    })),
    timeoutMs: options.timeoutMs,
    validateOnly: options.isValidateOnly,
  };
  const answer = await cluster.sendToController(CreateTopicsApi, request, options.timeoutMs);
  return answer.topics.map(({ name, topicId, errorCode, errorMessage, numPartitions, replicationFactor }) => {
    orThrow(errorCode, `topic ${name}`, errorMessage);
    return { name, topicId, partitionCount: numPartitions, replicationFactor };
  });
}

export async function deleteTopics(cluster: Cluster, names: readonly string[], timeoutMs: number): Promise<void> {
  const answer = await cluster.sendToController(
    DeleteTopicsApi,
    (version) =>
      version >= 6
        ? { topics: names.map((name) => ({ name, topicId: UUID_ZERO })), timeoutMs }
        : { topicNames: [...names], timeoutMs },
    timeoutMs,
  );
  for (const { name, errorCode, errorMessage } of answer.responses) orThrow(errorCode, `topic ${name}`, errorMessage);
}

export async function createPartitions(
  cluster: Cluster,
  topics: readonly { readonly topic: string; readonly partitionCount: number }[],
  timeoutMs: number,
): Promise<void> {
  const request = {
    topics: topics.map(({ topic: name, partitionCount: count }) => ({ name, count, assignments: null })),
    timeoutMs,
    validateOnly: false,
  };
  const answer = await cluster.sendToController(CreatePartitionsApi, request, timeoutMs);
  for (const { name, errorCode, errorMessage } of answer.results) orThrow(errorCode, `topic ${name}`, errorMessage);
}

export async function deleteRecords(
  cluster: Cluster,
  offsets: readonly (Partition & { readonly offset: number })[],
  timeoutMs: number,
): Promise<LogStart[]> {
  for (const topic of new Set(offsets.map((one) => one.topic))) await cluster.topic(topic);
  const byLeader = groupedBy(offsets, ({ topic, partition }) => cluster.leaderOf(topic, partition));
  const answers = await Promise.all(
    [...byLeader].map(async ([leader, mine]) => {
      const topics = [...groupedBy(mine, ({ topic }) => topic)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition: partitionIndex, offset }) => ({ partitionIndex, offset })),
      }));
      return (await cluster.send(leader, DeleteRecordsApi, { topics, timeoutMs })).topics;
    }),
  );
  return answers.flat().flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, lowWatermark: logStartOffset, errorCode }) => {
      orThrow(errorCode, partitionName({ topic, partition }));
      return { topic, partition, logStartOffset };
    }),
  );
}
