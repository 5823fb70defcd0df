import { DescribeLogDirsApi, type DescribeLogDirsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { resolve } from "node:path";
import type { Partition } from "../partition/partition.ts";
import { handler, type Parts } from "./handler.ts";

// DescribeLogDirs (key 35).
// The data directory of the broker asked, with the size of every replica in it and how far each lags behind the high watermark it has
// heard of. Null asks for all topics; what is not here is left out. The disk's own size is not told: -1 means unknown.

type Draft = ResponseDraft<typeof DescribeLogDirsApi>;
type ReplicaDraft = Draft["results"][number]["topics"][number]["partitions"][number];
type DirectoryParts = Pick<Parts, "replicas" | "config">;

export const describeLogDirs = handler(DescribeLogDirsApi, describe, {
  failed: (_request, errorCode) => ({ errorCode, results: [] }),
});

export function describe({ replicas, config }: DirectoryParts, request: DescribeLogDirsRequest): Promise<Draft> {
  const wanted = request.topics && new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  const topics = new Map<string, ReplicaDraft[]>();
  let hasFailed = false;
  for (const partition of replicas.partitions()) {
    hasFailed ||= partition.replica.log.failed !== null;
    if (wanted !== null && wanted.get(partition.topic)?.has(partition.index) !== true) continue;
    const partitions = topics.get(partition.topic) ?? [];
    topics.set(partition.topic, partitions);
    partitions.push(replicaOf(partition));
  }
  const logDir = resolve(config.dataDirectory);
  if (hasFailed)
    return Promise.resolve({ results: [{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }] });
  const shown = [...topics].map(([name, partitions]) => ({ name, partitions }));
  return Promise.resolve({ results: [{ errorCode: ErrorCode.NONE, logDir, topics: shown }] });
}

const replicaOf = ({ index, size, high, end }: Partition): ReplicaDraft => ({
  partitionIndex: index,
  partitionSize: size,
  offsetLag: Math.max(0, high.value - end),
  isFutureKey: false,
});
