import { DescribeProducersApi, type DescribeProducersRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { handler, type Parts } from "./handler.ts";

// DescribeProducers (key 61).
// What a replica here remembers of producers, the leader's or a follower's: an administrator compares them to find a hanging
// transaction (KIP-664). A partition without a replica here is NOT_LEADER_OR_FOLLOWER.

type Draft = ResponseDraft<typeof DescribeProducersApi>;
type PartitionDraft = Draft["topics"][number]["partitions"][number];
type ProducersParts = Pick<Parts, "cluster" | "replicas">;

export const describeProducers = handler(DescribeProducersApi, describe);

export function describe(parts: ProducersParts, request: DescribeProducersRequest): Promise<Draft> {
  return Promise.resolve({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => partition(parts, name, index)),
    })),
  });
}

function partition({ cluster, replicas }: ProducersParts, topic: string, partitionIndex: number): PartitionDraft {
  const refuse = (errorCode: number): PartitionDraft => ({ partitionIndex, errorCode, activeProducers: [] });
  if (!cluster.image.topics.get(topic)?.partitions[partitionIndex]) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const found = replicas.partition(topic, partitionIndex);
  if (!found) return refuse(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  const activeProducers = [...found.replica.derived.producers.states()].map((state) => ({
    producerId: state.id,
    producerEpoch: state.epoch,
    lastSequence: state.lastSequence,
    lastTimestamp: state.timestamp,
    coordinatorEpoch: state.coordinatorEpoch,
    currentTxnStartOffset: state.transactionStart,
  }));
  return { partitionIndex, errorCode: ErrorCode.NONE, activeProducers };
}
