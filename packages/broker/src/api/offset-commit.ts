import { ErrorCode, OffsetCommitApi, type OffsetCommitRequest, type ResponseDraft } from "@odradek/protocol";
import { handler, type Parts } from "./handler.ts";

// OffsetCommit (key 8).
// Answered when the offsets are committed in `__consumer_offsets`. Partitions that do not exist are refused one by one; the retention
// a request asks for (v2–v4) is ignored, as in Kafka since 2.1.

type Draft = ResponseDraft<typeof OffsetCommitApi>;

export const offsetCommit = handler(OffsetCommitApi, commit, {
  failed: (request, errorCode) => each(request, () => errorCode),
});

async function commit({ groups, cluster }: Parts, request: OffsetCommitRequest): Promise<Draft> {
  const { groupId, memberId } = request;
  const shard = await groups.shardFor(groupId);
  if (typeof shard === "number") return each(request, () => shard);
  const { topics } = cluster.image;
  const exists = (topic: string, index: number): boolean => topics.get(topic)?.partitions[index] !== undefined;
  const offsets = request.topics.flatMap(({ name: topic, partitions }) =>
    partitions
      .filter(({ partitionIndex }) => exists(topic, partitionIndex))
      .map((one) => ({
        topic,
        partition: one.partitionIndex,
        offset: one.committedOffset,
        leaderEpoch: one.committedLeaderEpoch,
        metadata: one.committedMetadata ?? "",
      })),
  );
  const errorCodes = await shard.commit({
    groupId,
    memberId,
    instanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    offsets,
  });
  let next = 0;
  return each(request, (topic, index) =>
    exists(topic, index) ? errorCodes[next++]! : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  );
}

function each(request: OffsetCommitRequest, errorOf: (topic: string, partition: number) => number): Draft {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        return { partitionIndex, errorCode: errorOf(name, partitionIndex) };
      }),
    })),
  };
}
