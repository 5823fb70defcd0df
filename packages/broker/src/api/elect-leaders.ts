import { ElectLeadersApi, type ElectLeadersRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import type { ClusterImage } from "../cluster/image.ts";
import type { PartitionName } from "../controller/change-partitions.ts";
import { type Election, electLeaders as elect } from "../controller/elect-leaders.ts";
import { handler, type Parts } from "./handler.ts";

// ElectLeaders (key 43).
// Type 0 elects the preferred replica if it is in sync, type 1 any live one of a partition that nobody leads. Any broker may be asked.
// Null means every partition; of those the ones that need no election are left out of the answer, as in Kafka.

type Draft = ResponseDraft<typeof ElectLeadersApi>;
type PartitionDraft = Draft["replicaElectionResults"][number]["partitionResult"][number];

const elections: readonly Election[] = ["preferred", "unclean"];

export const electLeaders = handler(ElectLeadersApi, electAsked, {
  failed: (_request, errorCode) => ({ errorCode, replicaElectionResults: [] }),
});

export async function electAsked({ cluster }: Pick<Parts, "cluster">, request: ElectLeadersRequest): Promise<Draft> {
  const election = elections[request.electionType];
  if (election === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults: [] };
  const wanted = request.topicPartitions === null ? all(cluster.image) : named(request.topicPartitions);
  const results = await elect(cluster, election, wanted);
  const byTopic = new Map<string, PartitionDraft[]>();
  for (const [at, { topic, partition }] of wanted.entries()) {
    const { error, message } = results[at]!;
    const partitions = byTopic.get(topic) ?? [];
    byTopic.set(topic, partitions);
    if (request.topicPartitions === null && error === ErrorCode.ELECTION_NOT_NEEDED) continue;
    partitions.push({ partitionId: partition, errorCode: error, errorMessage: message || null });
  }
  return {
    errorCode: ErrorCode.NONE,
    replicaElectionResults: [...byTopic].map(([topic, partitionResult]) => ({ topic, partitionResult })),
  };
}

const all = (image: ClusterImage): PartitionName[] =>
  [...image.topics.values()].flatMap(({ name, partitions }) =>
    partitions.map(({ index }) => ({ topic: name, partition: index })),
  );

const named = (asked: NonNullable<ElectLeadersRequest["topicPartitions"]>): PartitionName[] =>
  asked.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
