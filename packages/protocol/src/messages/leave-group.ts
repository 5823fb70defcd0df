import { api } from "../schema/api.ts";
import { optional, since, until } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// LeaveGroup (key 13), versions 0–5.
// Takes members out of a group at once instead of by session timeout.
// v3 many members, by instance id too (KIP-345) · v4 flexible · v5 reason (KIP-800)

export const LeaveGroupRequest = struct({
  groupId: string,
  memberId: until(2, string, "").strict,
  members: since(
    3,
    array(
      struct({
        memberId: string,
        groupInstanceId: optional(string.nullable, null),
        reason: since(5, string.nullable, null),
      }),
    ),
    [],
  ).strict,
});
export type LeaveGroupRequest = Infer<typeof LeaveGroupRequest>;

export const LeaveGroupResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: int16,
  members: since(
    3,
    array(
      struct({
        memberId: string,
        groupInstanceId: string.nullable,
        errorCode: int16,
      }),
    ),
    [],
  ),
});
export type LeaveGroupResponse = Infer<typeof LeaveGroupResponse>;

export const LeaveGroupApi = api({
  key: 13,
  name: "LeaveGroup",
  versions: [0, 5],
  flexibleFrom: 4,
  request: LeaveGroupRequest,
  response: LeaveGroupResponse,
});
