import { ErrorCode, SyncGroupApi } from "@odradek/protocol";
import { syncFailed } from "../coordinator/group/member.ts";
import { handler } from "./handler.ts";

// SyncGroup (key 14). Answered when the leader's assignment is committed; see coordinator/group/requests.ts.

export const syncGroup = handler(
  SyncGroupApi,
  async ({ groups }, request, { version }) => {
    const { groupId, memberId, generationId, protocolType, protocolName } = request;
    const shard = groupId === "" ? ErrorCode.INVALID_GROUP_ID : await groups.shardFor(groupId);
    if (typeof shard === "number") return syncFailed(shard);
    // KIP-559: from v5 on both must be named.
    if (version >= 5 && (protocolType === null || protocolName === null))
      return syncFailed(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    return shard.sync({
      groupId,
      memberId,
      instanceId: request.groupInstanceId,
      generationId,
      protocolType,
      protocolName,
      assignments: request.assignments.map((one) => ({
        memberId: one.memberId,
        assignment: Buffer.from(one.assignment),
      })),
    });
  },
  { failed: (_request, errorCode) => syncFailed(errorCode as ErrorCode) },
);
