import { ErrorCode, HeartbeatApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// Heartbeat (key 12).

export const heartbeat = handler(
  HeartbeatApi,
  async ({ groups }, request) => {
    const { groupId, memberId, generationId, groupInstanceId: instanceId } = request;
    const shard = groupId === "" ? ErrorCode.INVALID_GROUP_ID : await groups.shardFor(groupId);
    if (typeof shard === "number") return { errorCode: shard };
    return { errorCode: shard.heartbeat(groupId, { memberId, instanceId, generationId }) };
  },
  { failed: (_request, errorCode) => ({ errorCode }) },
);
