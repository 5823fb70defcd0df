import { ErrorCode, JoinGroupApi } from "@odradek/protocol";
import { joinFailed } from "../coordinator/group/member.ts";
import { handler } from "./handler.ts";

// JoinGroup (key 11). Answered when the group's generation is complete; see coordinator/group/join.ts.

export const joinGroup = handler(
  JoinGroupApi,
  async ({ groups }, request, { version, clientId, remoteAddress }) => {
    const { groupId, memberId, sessionTimeoutMs, protocolType } = request;
    const shard = groupId === "" ? ErrorCode.INVALID_GROUP_ID : await groups.shardFor(groupId);
    if (typeof shard === "number") return answer(joinFailed(shard, memberId), version);
    const joined = await shard.join({
      groupId,
      id: memberId,
      instanceId: request.groupInstanceId,
      clientId,
      clientHost: `/${remoteAddress}`,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocolType,
      // The group outlives the request's bytes.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      mustKnowItsId: version >= 4,
      canSkipAssignment: version >= 9,
    });
    return answer(joined, version);
  },
  { failed: (request, errorCode) => answer(joinFailed(errorCode as ErrorCode, request.memberId), 0) },
);

/** Before v7 the protocol's name can't be null. */
function answer<T extends { protocolName: string | null }>(joined: T, version: number): T {
  return joined.protocolName === null && version < 7 ? { ...joined, protocolName: "" } : joined;
}
