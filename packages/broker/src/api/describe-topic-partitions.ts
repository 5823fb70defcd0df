import {
  DescribeTopicPartitionsApi,
  type DescribeTopicPartitionsRequest,
  ErrorCode,
  type ResponseDraft,
  UUID_ZERO,
} from "@odradek/protocol";
import { handler, type Parts, type RequestScope } from "./handler.ts";
import { View } from "./metadata.ts";

// DescribeTopicPartitions (key 75).
// Like Metadata by name, but in pages of at most 2000 partitions, topics sorted by name: nextCursor names the first partition of the
// next page. No topics means all of them; then one that vanishes between two pages is left out. While nobody leads,
// the ISR names whom the partition waits for, where Kafka's is empty and names them among the eligible leader replicas.

type Draft = ResponseDraft<typeof DescribeTopicPartitionsApi>;
type TopicDraft = Draft["topics"][number];

/** max.request.partition.size.limit of Kafka. */
const PARTITIONS_MAX = 2000;

export const describeTopicPartitions = handler(DescribeTopicPartitionsApi, describe);

export function describe(
  { cluster }: Pick<Parts, "cluster">,
  request: DescribeTopicPartitionsRequest,
  scope: Pick<RequestScope, "listener">,
): Promise<Draft> {
  const { image } = cluster;
  const { cursor } = request;
  const asked = request.topics.map(({ name }) => name);
  if (cursor && (cursor.partitionIndex < 0 || (asked.length > 0 && !asked.includes(cursor.topicName))))
    return Promise.resolve({ topics: asked.map((name) => missing(name, ErrorCode.INVALID_REQUEST)) });
  const names = new Set(asked.length > 0 ? asked : image.topics.keys());
  const view = new View(image, scope.listener, true);
  const topics: TopicDraft[] = [];
  let left = Math.max(1, Math.min(PARTITIONS_MAX, request.responsePartitionLimit));
  for (const name of [...names].sort().filter((one) => one >= (cursor?.topicName ?? ""))) {
    if (left === 0) return Promise.resolve({ topics, nextCursor: { topicName: name, partitionIndex: 0 } });
    const topic = view.asked({ name, topicId: UUID_ZERO });
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0;
    const partitions = topic.partitions.slice(from, from + left);
    topics.push({
      ...topic,
      topicId: topic.topicId ?? UUID_ZERO,
      isInternal: topic.isInternal ?? false,
      partitions: partitions.map((one) => {
        const known = image.topics.get(name)?.partitions[one.partitionIndex];
        return {
          ...one,
          offlineReplicas: one.offlineReplicas ?? [],
          eligibleLeaderReplicas: [...(known?.eligible ?? [])],
          lastKnownElr: [...(known?.lastKnownEligible ?? [])],
        };
      }),
    });
    const next = from + partitions.length;
    if (next < topic.partitions.length)
      return Promise.resolve({ topics, nextCursor: { topicName: name, partitionIndex: next } });
    left -= partitions.length;
  }
  return Promise.resolve({ topics });
}

const missing = (name: string, errorCode: number): TopicDraft => ({
  errorCode,
  name,
  topicId: UUID_ZERO,
  isInternal: false,
  partitions: [],
});
