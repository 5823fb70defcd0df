import { ListOffsetsApi, OffsetCommitApi, OffsetFetchApi, type RequestDraft } from "@odradek/protocol";
import { orThrow } from "../errors.ts";
import type { Cluster } from "./cluster.ts";
import { askCoordinator } from "./coordinator.ts";

export type Partition = { readonly topic: string; readonly partition: number };

/** A place in a partition, by rank or by time: the first record at least that young (milliseconds since 1970). */
export type At = "earliest" | "latest" | { readonly timestamp: number };

export type ListedOffset = Partition & {
  /** -1: no record is that young. */
  readonly offset: number;
  readonly timestamp: number;
  readonly leaderEpoch: number;
};

export type CommittedOffset = Partition & {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
};

export type OffsetToCommit = Partition & {
  readonly offset: number;
  readonly leaderEpoch?: number;
  readonly metadata?: string;
};

/** Who commits: a member in a generation, or nobody (-1, "") for groups without members. */
export type Committer = { readonly generation: number; readonly memberId: string; readonly instanceId: string | null };

export const nobody: Committer = { generation: -1, memberId: "", instanceId: null };

const LATEST = -1;
const EARLIEST = -2;

export const partitionName = ({ topic, partition }: Partition): string => `${topic}-${partition}`;

/** Items by the key that `keyOf` gives them, in order. */
export function groupedBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** One attempt, over all leaders at once. Throws KafkaError, ConnectError or DeadlineError. */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly Partition[],
  at: At,
  isolationLevel = 0,
): Promise<ListedOffset[]> {
  for (const topic of new Set(partitions.map((one) => one.topic))) await cluster.topic(topic);
  const byLeader = groupedBy(partitions, ({ topic, partition }) => cluster.leaderOf(topic, partition));
  const timestamp = at === "earliest" ? EARLIEST : at === "latest" ? LATEST : at.timestamp;
  const answers = await Promise.all(
    [...byLeader].map(async ([leader, mine]) => {
      const topics = [...groupedBy(mine, ({ topic }) => topic)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
      }));
      const answer = await cluster.send(leader, ListOffsetsApi, (version) =>
        version >= 2 ? { replicaId: -1, isolationLevel, topics } : { replicaId: -1, topics },
      );
      return answer.topics;
    }),
  );
  return answers.flat().flatMap(({ name: topic, partitions: list }) =>
    list.map(({ partitionIndex: partition, errorCode, offset, timestamp: found, leaderEpoch }) => {
      orThrow(errorCode, partitionName({ topic, partition }));
      return { topic, partition, offset, timestamp: found, leaderEpoch };
    }),
  );
}

/** One attempt. What was never committed is left out. Null: all partitions the group has committed. */
export async function fetchOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly Partition[] | null,
): Promise<CommittedOffset[]> {
  const topics =
    partitions === null
      ? null
      : [...groupedBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
          name,
          partitionIndexes: list.map(({ partition }) => partition),
        }));
  const request = (version: number): RequestDraft<typeof OffsetFetchApi> => {
    if (version >= 8) return { groups: [{ groupId, topics }], requireStable: true };
    return version === 7 ? { groupId, topics, requireStable: true } : { groupId, topics };
  };
  const answer = await askCoordinator(cluster, {
    groupId,
    api: OffsetFetchApi,
    request,
    errorsOf: (response) => {
      const parts = (response.groups[0] ?? response).topics.flatMap((topic) => topic.partitions);
      return [response.errorCode, response.groups[0]?.errorCode ?? 0, ...parts.map(({ errorCode }) => errorCode)];
    },
  });
  const group = answer.groups[0] ?? answer;
  orThrow(group.errorCode, `group ${groupId}`);
  const committed: CommittedOffset[] = [];
  for (const { name: topic, partitions: list } of group.topics) {
    for (const {
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode,
    } of list) {
      orThrow(errorCode, partitionName({ topic, partition }));
      if (offset >= 0) committed.push({ topic, partition, offset, leaderEpoch, metadata: metadata ?? "" });
    }
  }
  return committed;
}

/** One attempt. Throws the first error of any partition. */
export async function commitOffsets(
  cluster: Cluster,
  groupId: string,
  by: Committer,
  offsets: readonly OffsetToCommit[],
): Promise<void> {
  const topics = [...groupedBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset, leaderEpoch = -1, metadata = "" }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }));
  const request = (version: number): RequestDraft<typeof OffsetCommitApi> => {
    const common = { groupId, generationIdOrMemberEpoch: by.generation, memberId: by.memberId, topics };
    return version >= 7 ? { ...common, groupInstanceId: by.instanceId } : common;
  };
  const answer = await askCoordinator(cluster, {
    groupId,
    api: OffsetCommitApi,
    request,
    errorsOf: (response) => response.topics.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode)),
  });
  for (const { name: topic, partitions } of answer.topics) {
    for (const { partitionIndex: partition, errorCode } of partitions)
      orThrow(errorCode, partitionName({ topic, partition }));
  }
}
