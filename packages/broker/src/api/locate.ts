import { ErrorCode } from "@odradek/protocol";
import type { Partition } from "../partition/partition.ts";
import { endpointFor } from "./metadata.ts";
import type { Parts } from "./handler.ts";

export type Located =
  | { readonly is: "here"; readonly partition: Partition }
  | { readonly is: "elsewhere"; readonly error: ErrorCode; readonly leader?: { id: number; epoch: number } };

type LocateParts = Pick<Parts, "cluster" | "replicas">;

/** First version of Produce and of Fetch that says topics by their ids (KIP-516). */
export const TOPIC_IDS_SINCE = 13;

/** The same of OffsetCommit and OffsetFetch. */
export const OFFSET_TOPIC_IDS_SINCE = 10;

/** Name of the topic with this id, or undefined: UNKNOWN_TOPIC_ID. A topic created again under the same name has another id. */
export const nameOfTopic = ({ cluster }: Pick<Parts, "cluster">, topicId: string): string | undefined =>
  cluster.image.topicsById.get(topicId)?.name;

/** The partition when this broker may lead it, else the error and whom to ask. `topicId`: the only one that will do, if any. */
export function locate({ cluster, replicas }: LocateParts, topic: string, index: number, topicId?: string): Located {
  const partition = replicas.partition(topic, index);
  // What stands here is still of an older topic of that name (RELIABILITY K-02).
  if (topicId !== undefined && partition !== undefined && partition.topicId !== topicId)
    return { is: "elsewhere", error: ErrorCode.INCONSISTENT_TOPIC_ID };
  // A broker that was paused must not serve on waking: somebody else may lead by now (RELIABILITY P-18).
  if (partition?.role.is === "leader" && cluster.mayLead) return { is: "here", partition };
  const known = cluster.image.topics.get(topic)?.partitions[index];
  if (!known) return { is: "elsewhere", error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
  if (partition?.role.is === "offline" && partition.replica.log.failed !== null)
    return { is: "elsewhere", error: ErrorCode.KAFKA_STORAGE_ERROR };
  const error = ErrorCode.NOT_LEADER_OR_FOLLOWER;
  if (known.leader < 0 || known.leader === cluster.brokerId) return { is: "elsewhere", error };
  return { is: "elsewhere", error, leader: { id: known.leader, epoch: known.leaderEpoch } };
}

/** The same for a reader that is content with a follower (KIP-392); a broker that has lost its registration serves nobody. */
export function locateReplica(parts: LocateParts, topic: string, index: number, topicId?: string): Located {
  const partition = parts.replicas.partition(topic, index);
  const isOf = topicId === undefined || partition?.topicId === topicId;
  const isHere = partition?.role.is === "follower" && isOf && parts.cluster.mayLead;
  return isHere ? { is: "here", partition } : locate(parts, topic, index, topicId);
}

/** NONE, or why a client that believes in this leader epoch may not be answered; -1 is not checked (KIP-320). */
export function leaderEpochError(partition: Partition, leaderEpoch: number): ErrorCode {
  const { role } = partition;
  if (leaderEpoch === -1 || role.is !== "leader" || role.leaderEpoch === leaderEpoch) return ErrorCode.NONE;
  return leaderEpoch < role.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
}

/** Addresses of the leaders named in an answer (KIP-951). */
export function nodeEndpoints(
  { cluster }: Pick<Parts, "cluster">,
  leaders: Iterable<number>,
  listener: string,
): { nodeId: number; host: string; port: number; rack: string | null }[] {
  return [...new Set(leaders)].flatMap((id) => {
    const broker = cluster.image.brokers.get(id);
    const endpoint = broker && endpointFor(broker, listener);
    return endpoint ? [{ nodeId: id, host: endpoint.host, port: endpoint.port, rack: broker.rack }] : [];
  });
}
