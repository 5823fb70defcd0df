import { api } from "../schema/api.ts";
import { since } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// Heartbeat (key 12), versions 0–4.
// Keeps a member's session alive; tells it when a rebalance is under way.
// v3 groupInstanceId · v4 flexible

export const HeartbeatRequest = struct({
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, string.nullable, null).strict,
});
export type HeartbeatRequest = Infer<typeof HeartbeatRequest>;

export const HeartbeatResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: int16,
});
export type HeartbeatResponse = Infer<typeof HeartbeatResponse>;

export const HeartbeatApi = api({
  key: 12,
  name: "Heartbeat",
  versions: [0, 4],
  flexibleFrom: 4,
  request: HeartbeatRequest,
  response: HeartbeatResponse,
});
