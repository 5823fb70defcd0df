import {
  DeleteGroupsApi,
  DescribeGroupsApi,
  type DescribeGroupsResponse,
  ErrorCode,
  ListGroupsApi,
  OffsetDeleteApi,
  readAssignment,
} from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { askCoordinator } from "../cluster/coordinator.ts";
import { groupedBy, type Partition, partitionName } from "../cluster/offsets.ts";
import { KafkaError, orThrow } from "../errors.ts";

export type GroupListing = {
  readonly groupId: string;
  readonly protocolType: string;
  /** "" from brokers older than 2.6. */
  readonly state: string;
  /** "" from brokers older than 3.8. */
  readonly type: string;
  /** Broker id. */
  readonly coordinator: number;
};

export type GroupMember = {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly host: string;
  readonly assignment: readonly Partition[];
};

export type GroupDescription = {
  readonly groupId: string;
  readonly state: string;
  readonly protocolType: string;
  /** The assignor in use. */
  readonly protocol: string;
  readonly coordinator: number;
  readonly members: readonly GroupMember[];
};

/** Every broker lists the groups it coordinates. */
export async function listGroups(cluster: Cluster): Promise<GroupListing[]> {
  const { brokers } = await cluster.refresh([]);
  const answers = await Promise.all(
    [...brokers.keys()].map(async (coordinator) => {
      const { errorCode, groups } = await cluster.send(coordinator, ListGroupsApi, {});
      orThrow(errorCode, `groups of broker ${coordinator}`);
      return groups.map(({ groupId, protocolType, groupState: state, groupType: type }) => ({
        groupId,
        protocolType,
        state,
        type,
        coordinator,
      }));
    }),
  );
  return answers.flat().toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

/** One attempt. A group that does not exist is a KafkaError GROUP_ID_NOT_FOUND. */
export async function describeGroup(cluster: Cluster, groupId: string): Promise<GroupDescription> {
  const answer = await askCoordinator(cluster, {
    groupId,
    api: DescribeGroupsApi,
    request: { groups: [groupId] },
    errorsOf: ({ groups }) => groups.map(({ errorCode }) => errorCode),
  });
  const group = answer.groups[0];
  if (group === undefined) throw new KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, `group ${groupId}`);
  orThrow(group.errorCode, `group ${groupId}`, group.errorMessage);
  // Before version 6 a group that does not exist is "Dead".
  if (group.groupState === "Dead") throw new KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, `group ${groupId}`);
  return {
    groupId,
    state: group.groupState,
    protocolType: group.protocolType,
    protocol: group.protocolData,
    coordinator: await cluster.coordinatorOf(groupId),
    members: group.members.map((member) => describeMember(member, group.protocolType)),
  };
}

function describeMember(
  member: DescribeGroupsResponse["groups"][number]["members"][number],
  protocolType: string,
): GroupMember {
  const { memberId, groupInstanceId, clientId, clientHost: host } = member;
  const assigned = protocolType === "consumer" ? readAssignment(member.memberAssignment).assignedPartitions : [];
  const assignment = assigned.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  return { memberId, groupInstanceId, clientId, host, assignment };
}

export async function deleteGroup(cluster: Cluster, groupId: string): Promise<void> {
  const answer = await askCoordinator(cluster, {
    groupId,
    api: DeleteGroupsApi,
    request: { groupsNames: [groupId] },
    errorsOf: ({ results }) => results.map(({ errorCode }) => errorCode),
  });
  for (const { errorCode } of answer.results) orThrow(errorCode, `group ${groupId}`);
}

export async function deleteOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly Partition[],
): Promise<void> {
  const topics = [...groupedBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition: partitionIndex }) => ({ partitionIndex })),
  }));
  const answer = await askCoordinator(cluster, {
    groupId,
    api: OffsetDeleteApi,
    request: { groupId, topics },
    errorsOf: ({ errorCode }) => [errorCode],
  });
  orThrow(answer.errorCode, `group ${groupId}`);
  for (const { name: topic, partitions: list } of answer.topics) {
    for (const { partitionIndex: partition, errorCode } of list)
      orThrow(errorCode, partitionName({ topic, partition }));
  }
}
