import { ErrorCode, LeaveGroupApi, type LeaveGroupRequest } from "@odradek/protocol";
import { handler } from "./handler.ts";

// LeaveGroup (key 13). Before v3 one member leaves and its error is the request's; then each has its own.

export const leaveGroup = handler(
  LeaveGroupApi,
  async ({ groups }, request, { version }) => {
    const { groupId } = request;
    const shard = groupId === "" ? ErrorCode.INVALID_GROUP_ID : await groups.shardFor(groupId);
    if (typeof shard === "number") return { errorCode: shard };
    const leavers = version >= 3 ? request.members : [onlyMember(request)];
    const errorCodes = await shard.leave(
      groupId,
      leavers.map(({ memberId, groupInstanceId: instanceId }) => ({ memberId, instanceId })),
    );
    if (version < 3) return { errorCode: errorCodes[0]! };
    const members = leavers.map(({ memberId, groupInstanceId }, index) => {
      return { memberId, groupInstanceId, errorCode: errorCodes[index]! };
    });
    return { errorCode: ErrorCode.NONE, members };
  },
  { failed: (_request, errorCode) => ({ errorCode }) },
);

const onlyMember = ({ memberId }: LeaveGroupRequest): LeaveGroupRequest["members"][number] => {
  return { memberId, groupInstanceId: null, reason: null };
};
