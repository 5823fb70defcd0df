import { ErrorCode, OffsetFetchApi, type OffsetFetchRequest, type ResponseDraft } from "@odradek/protocol";
import type { CommittedOffset } from "../coordinator/group/records.ts";
import { handler, type Parts } from "./handler.ts";
import { nameOfTopic, OFFSET_TOPIC_IDS_SINCE } from "./locate.ts";

// OffsetFetch (key 9).
// Committed positions; a partition without one is -1 without an error. Null topics: everything the group has committed.
// From v10 on topics go by id; what the group has committed for topics that are gone is left out of "everything" then.
// requireStable (v7) has nothing to wait for while there are no transactions.

type Draft = ResponseDraft<typeof OffsetFetchApi>;
type GroupDraft = NonNullable<Draft["groups"]>[number];
type Asked = Pick<OffsetFetchRequest["groups"][number], "groupId" | "topics">;
type Committed = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>;

export const offsetFetch = handler(
  OffsetFetchApi,
  async (parts, request, { version }) => {
    if (version >= OFFSET_TOPIC_IDS_SINCE)
      return { groups: await Promise.all(request.groups.map((group) => fetchById(parts, group))) };
    if (version >= 8) return { groups: await Promise.all(request.groups.map((group) => fetchGroup(parts, group))) };
    const { groupId, topics } = request;
    const asked = topics?.map((topic) => ({ ...topic, topicId: "" })) ?? null;
    const answer = await fetchGroup(parts, { groupId, topics: asked });
    const errorCode = answer.errorCode ?? ErrorCode.NONE;
    // v1 has no error of its own: it stands at every partition.
    if (version < 2 && errorCode !== ErrorCode.NONE)
      return { topics: noOffsets(asked ?? [], errorCode).map(({ name = "", partitions }) => ({ name, partitions })) };
    return { topics: answer.topics.map(({ name = "", partitions }) => ({ name, partitions })), errorCode };
  },
  { failed: (_request, errorCode) => ({ errorCode }) },
);

/** The same for topics by id: those that nobody knows answer an error in their place. */
async function fetchById(parts: Parts, { groupId, topics }: Asked): Promise<GroupDraft> {
  const named = topics?.map((topic) => ({ ...topic, name: nameOfTopic(parts, topic.topicId) })) ?? null;
  const known = named?.flatMap(({ name, ...rest }) => (name === undefined ? [] : [{ ...rest, name }])) ?? null;
  const answer = await fetchGroup(parts, { groupId, topics: known });
  const { topics: images } = parts.cluster.image;
  const found = answer.topics.flatMap((topic) => {
    const topicId = images.get(topic.name ?? "")?.id;
    return topicId === undefined ? [] : [{ ...topic, topicId }];
  });
  const lost = named?.filter(({ name }) => name === undefined) ?? [];
  const unknown = lost.map(({ topicId, partitionIndexes }) => ({
    topicId,
    ...noOffsets([{ name: "", topicId, partitionIndexes }], ErrorCode.UNKNOWN_TOPIC_ID)[0]!,
  }));
  return { ...answer, topics: answer.errorCode === ErrorCode.NONE ? [...found, ...unknown] : [] };
}

async function fetchGroup({ groups }: Parts, { groupId, topics }: Asked): Promise<GroupDraft> {
  const shard = await groups.shardFor(groupId);
  const committed = typeof shard === "number" ? shard : await shard.fetchOffsets(groupId);
  if (typeof committed === "number") return { groupId, topics: [], errorCode: committed };
  const asked =
    topics ?? [...committed].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }));
  return {
    groupId,
    errorCode: ErrorCode.NONE,
    topics: asked.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => position(committed, name, partitionIndex)),
    })),
  };
}

function position(
  committed: Committed,
  topic: string,
  partitionIndex: number,
): GroupDraft["topics"][number]["partitions"][number] {
  const found = committed.get(topic)?.get(partitionIndex);
  return {
    partitionIndex,
    committedOffset: found?.offset ?? -1,
    committedLeaderEpoch: found?.leaderEpoch ?? -1,
    metadata: found?.metadata ?? "",
    errorCode: ErrorCode.NONE,
  };
}

const noOffsets = (topics: NonNullable<Asked["topics"]>, errorCode: number): GroupDraft["topics"] =>
  topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      return { partitionIndex, committedOffset: -1, metadata: "", errorCode };
    }),
  }));
