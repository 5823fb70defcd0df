import { ErrorCode, OffsetFetchApi, type OffsetFetchRequest, type ResponseDraft } from "@odradek/protocol";
import type { CommittedOffset } from "../coordinator/group/records.ts";
import { handler, type Parts } from "./handler.ts";

// OffsetFetch (key 9).
// Committed positions; a partition without one is -1 without an error. Null topics: everything the group has committed.
// requireStable (v7) has nothing to wait for while there are no transactions.

type Draft = ResponseDraft<typeof OffsetFetchApi>;
type GroupDraft = NonNullable<Draft["groups"]>[number];
type Asked = Pick<OffsetFetchRequest["groups"][number], "groupId" | "topics">;
type Committed = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>;

export const offsetFetch = handler(
  OffsetFetchApi,
  async (parts, request, { version }) => {
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
