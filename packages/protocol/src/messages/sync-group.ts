import { api } from "../schema/api.ts";
import { since } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, bytes, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// SyncGroup (key 14), versions 0–5.
// The leader hands in everybody's assignment; everybody gets their own.
// v3 groupInstanceId · v4 flexible · v5 protocolType and protocolName, which must match the group's (KIP-559)

export const SyncGroupRequest = struct({
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, string.nullable, null).strict,
  protocolType: since(5, string.nullable, null),
  protocolName: since(5, string.nullable, null),
  assignments: array(
    struct({
      memberId: string,
      assignment: bytes,
    }),
  ),
});
export type SyncGroupRequest = Infer<typeof SyncGroupRequest>;

export const SyncGroupResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: int16,
  protocolType: since(5, string.nullable, null),
  protocolName: since(5, string.nullable, null),
  assignment: bytes,
});
export type SyncGroupResponse = Infer<typeof SyncGroupResponse>;

export const SyncGroupApi = api({
  key: 14,
  name: "SyncGroup",
  versions: [0, 5],
  flexibleFrom: 4,
  request: SyncGroupRequest,
  response: SyncGroupResponse,
});
