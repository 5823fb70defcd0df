import { ElectLeadersApi, ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { groupedBy, type Partition } from "../cluster/offsets.ts";
import { KafkaError, orThrow } from "../errors.ts";

/** What became of one partition's election. An election that was not needed is no error: the leader wanted leads. */
export type ElectionResult = Partition & { readonly isElected: boolean; readonly error: KafkaError | null };

/** As the wire calls them: the first replica when it is in sync, or (KIP-460) any that lives where nobody in sync does. */
const [PREFERRED, UNCLEAN] = [0, 1];

export async function electLeaders(
  cluster: Cluster,
  wanted: readonly Partition[],
  { isUnclean, timeoutMs }: { isUnclean: boolean; timeoutMs: number },
): Promise<ElectionResult[]> {
  const topicPartitions = [...groupedBy(wanted, ({ topic }) => topic)].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition }) => partition),
  }));
  const electionType = isUnclean ? UNCLEAN : PREFERRED;
  const answer = await cluster.sendToController(
    ElectLeadersApi,
    { electionType, topicPartitions, timeoutMs },
    timeoutMs,
  );
  orThrow(answer.errorCode, "election");
  return answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId: partition, errorCode, errorMessage }): ElectionResult => {
      const isFine = errorCode === ErrorCode.NONE || errorCode === ErrorCode.ELECTION_NOT_NEEDED;
      const error = isFine ? null : new KafkaError(errorCode, `${topic}-${partition}`, errorMessage);
      return { topic, partition, isElected: errorCode === ErrorCode.NONE, error };
    }),
  );
}
