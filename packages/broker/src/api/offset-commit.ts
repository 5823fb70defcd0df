import { ErrorCode, OffsetCommitApi, type OffsetCommitRequest, type ResponseDraft } from "@odradek/protocol";
import { handler, type Parts, type RequestScope } from "./handler.ts";
import { nameOfTopic, OFFSET_TOPIC_IDS_SINCE } from "./locate.ts";

// OffsetCommit (key 8).
// Answered when the offsets are committed in `__consumer_offsets`. Partitions that do not exist are refused one by one; the retention
// a request asks for (v2–v4) is ignored, as in Kafka since 2.1. From v10 on topics go by id.

type Draft = ResponseDraft<typeof OffsetCommitApi>;
/** First version whose clients know that a group can be unknown (KIP-848). */
const GROUP_ERRORS_SINCE = 9;
type AskedTopic = OffsetCommitRequest["topics"][number];

export const offsetCommit = handler(OffsetCommitApi, commit, {
  failed: (request, errorCode) => each(request, () => errorCode),
});

async function commit(
  { groups, cluster }: Parts,
  request: OffsetCommitRequest,
  { version }: RequestScope,
): Promise<Draft> {
  const { groupId, memberId } = request;
  const hasIds = version >= OFFSET_TOPIC_IDS_SINCE;
  const nameOf = ({ name, topicId }: AskedTopic): string | undefined =>
    hasIds ? nameOfTopic({ cluster }, topicId) : name;
  const shard = await groups.shardFor(groupId);
  if (typeof shard === "number") return each(request, () => shard);
  // Judged once: a topic that is deleted while the commit is under way must not shift the answers of others.
  const { topics } = cluster.image;
  const judged = new Map(
    request.topics.map((asked) => {
      const name = nameOf(asked);
      return [asked, { name, partitions: topics.get(name ?? "")?.partitions ?? [] }];
    }),
  );
  const offsets = request.topics.flatMap((asked) => {
    const { name = "", partitions } = judged.get(asked)!;
    return asked.partitions
      .filter(({ partitionIndex }) => partitions[partitionIndex] !== undefined)
      .map((one) => ({
        topic: name,
        partition: one.partitionIndex,
        offset: one.committedOffset,
        leaderEpoch: one.committedLeaderEpoch,
        metadata: one.committedMetadata ?? "",
      }));
  });
  const errorCodes = await shard.commit({
    groupId,
    memberId,
    instanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    unknownGroup: version >= GROUP_ERRORS_SINCE ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION,
    offsets,
  });
  let next = 0;
  return each(request, (asked, index) => {
    const { name, partitions } = judged.get(asked)!;
    if (partitions[index] !== undefined) return errorCodes[next++]!;
    return name === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  });
}

function each(request: OffsetCommitRequest, errorOf: (topic: AskedTopic, partition: number) => number): Draft {
  return {
    topics: request.topics.map((topic) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitions.map(({ partitionIndex }) => {
        return { partitionIndex, errorCode: errorOf(topic, partitionIndex) };
      }),
    })),
  };
}
