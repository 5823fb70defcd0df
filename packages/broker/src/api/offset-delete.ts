import { ErrorCode, OffsetDeleteApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// OffsetDelete (key 47). Deletes committed offsets of topics the group does not use (KIP-496). A partition that does not exist has none to
// delete: whoever names it is told.

export const offsetDelete = handler(OffsetDeleteApi, async ({ groups, cluster }, { groupId, topics }) => {
  const shard = groupId === "" ? ErrorCode.INVALID_GROUP_ID : await groups.shardFor(groupId);
  if (typeof shard === "number") return { errorCode: shard, topics: [] };
  const asked = topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition }) => ({ topic, partition })),
  );
  const errorCodes = await shard.deleteOffsets(groupId, asked);
  if (typeof errorCodes === "number") return { errorCode: errorCodes, topics: [] };
  const exists = (topic: string, index: number): boolean =>
    cluster.image.topics.get(topic)?.partitions[index] !== undefined;
  let next = 0;
  return {
    errorCode: ErrorCode.NONE,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const errorCode = errorCodes[next++]!;
        if (errorCode !== ErrorCode.NONE || exists(name, partitionIndex)) return { partitionIndex, errorCode };
        return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
      }),
    })),
  };
});
