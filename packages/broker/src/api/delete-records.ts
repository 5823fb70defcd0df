import { DeleteRecordsApi, type DeleteRecordsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { handler, type Parts } from "./handler.ts";
import { locate } from "./locate.ts";

// DeleteRecords (key 21).
// Moves a partition's start forward on its leader, at most to the high watermark (offset -1: exactly there); followers take the
// new start from the leader's stream. The answer comes when the leader has moved and its new start is on disk, so that no crash brings the
// records back; it does not wait for the followers.

type Draft = ResponseDraft<typeof DeleteRecordsApi>;
type PartitionDraft = Draft["topics"][number]["partitions"][number];
type DeleteParts = Pick<Parts, "cluster" | "replicas">;

/** The offset that means "everything that is committed". */
const TO_HIGH_WATERMARK = -1;
const NO_OFFSET = -1;

export const deleteRecords = handler(DeleteRecordsApi, remove);

export async function remove(parts: DeleteParts, request: DeleteRecordsRequest): Promise<Draft> {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => removeBelow(parts, name, asked)),
  }));
  await parts.replicas.saveStarts();
  return { topics };
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
