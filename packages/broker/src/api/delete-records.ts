import { DeleteRecordsApi, type DeleteRecordsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { handler, type Parts } from "./handler.ts";
import { locate } from "./locate.ts";

// DeleteRecords (key 21).
// Moves a partition's start forward on its leader, at most to the high watermark (offset -1: exactly there). The answer comes when the leader's
// new start is on disk, so that no crash brings the records back, and all in-sync replicas have it, so that no new leader shows them
// again: at most `timeoutMs` later, else REQUEST_TIMED_OUT.

type Draft = ResponseDraft<typeof DeleteRecordsApi>;
type PartitionDraft = Draft["topics"][number]["partitions"][number];
type DeleteParts = Pick<Parts, "cluster" | "replicas">;

/** The offset that means "everything that is committed". */
const TO_HIGH_WATERMARK = -1;
const NO_OFFSET = -1;

export const deleteRecords = handler(DeleteRecordsApi, remove);

export async function remove(parts: DeleteParts, request: DeleteRecordsRequest): Promise<Draft> {
  const { timeoutMs } = request;
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => removeBelow(parts, name, asked)),
  }));
  await parts.replicas.saveStarts();
  const followed = topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(partitions.map((one) => followedBy(parts, name, one, timeoutMs))),
  }));
  return { topics: await Promise.all(followed) };
}

/** The answer, once the in-sync replicas have followed. */
async function followedBy(
  { replicas }: DeleteParts,
  topic: string,
  moved: PartitionDraft,
  timeoutMs: number,
): Promise<PartitionDraft> {
  if (moved.errorCode !== ErrorCode.NONE) return moved;
  const reached = await replicas
    .partition(topic, moved.partitionIndex)
    ?.startReached(moved.lowWatermark, { timeoutMs });
  if (reached === "reached") return moved;
  const errorCode = reached === "timeout" ? ErrorCode.REQUEST_TIMED_OUT : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  return { ...moved, lowWatermark: NO_OFFSET, errorCode };
}

function removeBelow(
  parts: DeleteParts,
  topic: string,
  { partitionIndex, offset }: { partitionIndex: number; offset: number },
): PartitionDraft {
  const refuse = (errorCode: number): PartitionDraft => ({ partitionIndex, lowWatermark: NO_OFFSET, errorCode });
  const located = locate(parts, topic, partitionIndex);
  if (located.is === "elsewhere") return refuse(located.error);
  const { partition } = located;
  if (!partition.replica.config.cleanupPolicy.delete) return refuse(ErrorCode.POLICY_VIOLATION);
  const high = partition.high.value;
  const below = offset === TO_HIGH_WATERMARK ? high : offset;
  if (below < 0 || below > high) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE);
  return { partitionIndex, lowWatermark: partition.deleteRecordsBelow(below), errorCode: ErrorCode.NONE };
}
