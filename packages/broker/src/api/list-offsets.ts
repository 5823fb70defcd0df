import { ErrorCode, ListOffsetsApi, type ListOffsetsRequest, type ResponseDraft } from "@odradek/protocol";
import type { Partition } from "../partition/partition.ts";
import { handler, type Parts } from "./handler.ts";
import { leaderEpochError, locate } from "./locate.ts";

// ListOffsets (key 2).
// -1 is the high watermark (the last stable offset when read committed), -2 and -4 the log start, -3 the record with the largest
// timestamp, -5 and -6 nothing: there is no tiered storage. A negative one that the version does not have is UNSUPPORTED_VERSION. A new leader that may not know the last high watermark yet answers
// OFFSET_NOT_AVAILABLE, never an older offset (RELIABILITY K-05).

type Draft = ResponseDraft<typeof ListOffsetsApi>;
type PartitionDraft = Draft["topics"][number]["partitions"][number];
type Asked = ListOffsetsRequest["topics"][number]["partitions"][number];

const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
const EARLIEST_PENDING_UPLOAD = -6;
/** Special timestamps, and the first version that has them. */
const SPECIAL_SINCE: ReadonlyMap<number, number> = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
]);

export const listOffsets = handler(ListOffsetsApi, list, {
  failed: (request, errorCode) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
});

async function list(parts: Parts, request: ListOffsetsRequest, { version }: { version: number }): Promise<Draft> {
  const isCommitted = request.isolationLevel === 1;
  const topics = request.topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(
      partitions.map(async (asked): Promise<PartitionDraft> => {
        const { partitionIndex } = asked;
        const located = locate(parts, name, partitionIndex);
        if (located.is === "elsewhere") return { partitionIndex, errorCode: located.error };
        const errorCode = leaderEpochError(located.partition, asked.currentLeaderEpoch);
        if (errorCode !== ErrorCode.NONE) return { partitionIndex, errorCode };
        return { partitionIndex, ...(await find(located.partition, asked, { isCommitted, version })) };
      }),
    ),
  }));
  return { topics: await Promise.all(topics) };
}

type Found = Omit<PartitionDraft, "partitionIndex">;

async function find(
  partition: Partition,
  { timestamp }: Asked,
  options: { isCommitted: boolean; version: number },
): Promise<Found> {
  if (timestamp < 0 && options.version < (SPECIAL_SINCE.get(timestamp) ?? Infinity))
    return { errorCode: ErrorCode.UNSUPPORTED_VERSION };
  const isRelativeToEnd = timestamp === LATEST || timestamp >= 0 || timestamp === MAX_TIMESTAMP;
  if (isRelativeToEnd && !partition.highIsCurrent) {
    // Older clients know only this code for "ask again".
    return { errorCode: options.version >= 5 ? ErrorCode.OFFSET_NOT_AVAILABLE : ErrorCode.LEADER_NOT_AVAILABLE };
  }
  const at = (offset: number): Found => {
    return { errorCode: ErrorCode.NONE, timestamp: -1, offset, leaderEpoch: partition.epochOf(offset) };
  };
  switch (timestamp) {
    case LATEST: {
      const offset = options.isCommitted ? partition.lastStable : partition.high.value;
      const leaderEpoch = partition.role.is === "leader" ? partition.role.leaderEpoch : -1;
      return { ...at(offset), leaderEpoch };
    }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return at(partition.start);
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return { errorCode: ErrorCode.NONE };
    case MAX_TIMESTAMP:
      return { errorCode: ErrorCode.NONE, ...(await partition.offsetOfMaxTimestamp()) };
    default:
      return { errorCode: ErrorCode.NONE, ...(await partition.offsetForTime(timestamp)) };
  }
}
