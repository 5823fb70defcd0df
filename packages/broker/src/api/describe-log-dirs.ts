import { DescribeLogDirsApi, type DescribeLogDirsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { resolve } from "node:path";
import type { Partition } from "../partition/partition.ts";
import { handler, type Parts } from "./handler.ts";

// DescribeLogDirs (key 35).
// The data directories of the broker asked, with the size of every replica in them and how far each lags behind the high watermark it has heard
// of; KAFKA_STORAGE_ERROR and no replicas for one whose disk has failed. Null asks for all topics; what is not here is left out. The
// disks' own sizes are not told: -1 means unknown.

type Draft = ResponseDraft<typeof DescribeLogDirsApi>;
type TopicDraft = Draft["results"][number]["topics"][number];

export const describeLogDirs = handler(DescribeLogDirsApi, describe, {
  failed: (_request, errorCode) => ({ errorCode, results: [] }),
});

export function describe({ replicas }: Pick<Parts, "replicas">, request: DescribeLogDirsRequest): Promise<Draft> {
  const wanted = request.topics && new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  const { directories } = replicas;
  const asked = [...replicas.partitions()].filter(
    ({ topic, index }) => wanted === null || wanted.get(topic)?.has(index) === true,
  );
  const results = directories.list.map((directory) => {
    const errorCode = directory.failed === null ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR;
    const here = asked.filter(({ topic, index }) => directories.directoryOf(topic, index) === directory);
    return { errorCode, logDir: resolve(directory.path), topics: errorCode === ErrorCode.NONE ? byTopic(here) : [] };
  });
  return Promise.resolve({ results });
}

function byTopic(partitions: readonly Partition[]): TopicDraft[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  return [...topics].map(([name, list]) => ({ name, partitions: list.map(replicaOf) }));
}

const replicaOf = ({ index, size, high, end }: Partition): TopicDraft["partitions"][number] => ({
  partitionIndex: index,
  partitionSize: size,
  offsetLag: Math.max(0, high.value - end),
  isFutureKey: false,
});
