import { DescribeGroupsApi, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "./authorized-operations.ts";
import { handler, type Parts } from "./handler.ts";

// DescribeGroups (key 15).
// Protocol data and assignments only while the group is stable. A group nobody knows is state "Dead", from v6 on an error.

type GroupDraft = ResponseDraft<typeof DescribeGroupsApi>["groups"][number];

export const describeGroups = handler(DescribeGroupsApi, async (parts, request, { version }) => ({
  groups: await Promise.all(
    request.groups.map(async (groupId) => ({
      ...(await describe(parts, groupId, version)),
      authorizedOperations: request.includeAuthorizedOperations ? authorizedOperations.group : OPERATIONS_NOT_ASKED,
    })),
  ),
}));

async function describe({ groups }: Parts, groupId: string, version: number): Promise<GroupDraft> {
  const unknown = { groupId, groupState: "", protocolType: "", protocolData: "", members: [] };
  const shard = await groups.shardFor(groupId);
  if (typeof shard === "number") return { ...unknown, errorCode: shard };
  const group = shard.describe(groupId);
  if (group === null) {
    const dead = { ...unknown, groupState: "Dead" };
    if (version < 6) return { ...dead, errorCode: ErrorCode.NONE };
    return { ...dead, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` };
  }
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadata,
      memberAssignment: member.assignment,
    })),
  };
}
