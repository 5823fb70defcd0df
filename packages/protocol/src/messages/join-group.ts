import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { bool, int16, int32 } from "../schema/primitives.ts";
import { array, bytes, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// JoinGroup (key 11), versions 0–9.
// Enters a group, or its next generation; answered when the generation is complete. Only the leader gets the members.
// v1 rebalanceTimeoutMs · v4 a first join without id is answered MEMBER_ID_REQUIRED and an id (KIP-394) · v5 groupInstanceId (KIP-345)
// v6 flexible · v7 protocolType, protocolName may be null · v8 reason (KIP-800) · v9 skipAssignment (KIP-814)

export const JoinGroupRequest = struct({
  groupId: string,
  sessionTimeoutMs: int32,
  rebalanceTimeoutMs: since(1, int32, -1),
  memberId: string,
  groupInstanceId: since(5, string.nullable, null).strict,
  protocolType: string,
  protocols: array(
    struct({
      name: string,
      metadata: bytes,
    }),
  ),
  reason: since(8, string.nullable, null),
});
export type JoinGroupRequest = Infer<typeof JoinGroupRequest>;

export const JoinGroupResponse = struct({
  throttleTimeMs: since(2, int32, 0),
  errorCode: int16,
  generationId: optional(int32, -1),
  protocolType: since(7, string.nullable, null),
  protocolName: string.nullableSince(7),
  leader: string,
  skipAssignment: since(9, bool, false),
  memberId: string,
  members: array(
    struct({
      memberId: string,
      groupInstanceId: since(5, string.nullable, null),
      metadata: bytes,
    }),
  ),
});
export type JoinGroupResponse = Infer<typeof JoinGroupResponse>;

export const JoinGroupApi = api({
  key: 11,
  name: "JoinGroup",
  versions: [0, 9],
  flexibleFrom: 6,
  request: JoinGroupRequest,
  response: JoinGroupResponse,
});
