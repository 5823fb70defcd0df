import { CorruptLogError } from "../segment/walk.ts";
import type { FeedParts } from "./feed.ts";
import type { RereadReply, RereadRequest } from "./messages.ts";
import { streamLimits } from "./stream-limits.ts";

const NOTHING: RereadReply = { records: Buffer.alloc(0), isEmpty: false };

/** What this broker's replica can give to one whose disk has lost it: only batches that pass every check here. */
export function rereadFor({ partitionById }: Pick<FeedParts, "partitionById">, request: RereadRequest): RereadReply {
  const { from, to } = request;
  const partition = partitionById(request.topicId.toString("base64url"), request.partition);
  if (partition === undefined || partition.replica.log.failed !== null) return NOTHING;
  const { log } = partition.replica;
  if (from < log.start || to > log.written.value) return NOTHING;
  try {
    const limits = { bytesMax: streamLimits.messageBytes, upTo: to, oneBatchAtLeast: true };
    const read = log.read(from, limits);
    if (read === null) return { ...NOTHING, isEmpty: true };
    const records = Buffer.from(read.records);
    read.release();
    return { records, isEmpty: false };
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    partition.damaged();
    return NOTHING;
  }
}
