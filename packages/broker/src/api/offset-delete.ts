import { ErrorCode, OffsetDeleteApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// OffsetDelete (key 47). Deletes committed offsets of topics the group does not use (KIP-496).

export const offsetDelete = handler(OffsetDeleteApi, async ({ groups }, { groupId, topics }) => {
  const shard = await groups.shardFor(groupId);
  if (typeof shard === "number") return { errorCode: shard, topics: [] };
  const asked = topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition }) => ({ topic, partition })),
  );
  const errorCodes = await shard.deleteOffsets(groupId, asked);
  if (typeof errorCodes === "number") return { errorCode: errorCodes, topics: [] };
  let next = 0;
  return {
    errorCode: ErrorCode.NONE,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCodes[next++]! })),
    })),
  };
});
