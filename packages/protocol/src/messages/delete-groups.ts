import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DeleteGroups (key 42), versions 0–2.
// Deletes empty groups and their offsets.
// v2 flexible

export const DeleteGroupsRequest = struct({
  groupsNames: array(string),
});
export type DeleteGroupsRequest = Infer<typeof DeleteGroupsRequest>;

export const DeleteGroupsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  results: array(
    struct({
      groupId: string,
      errorCode: int16,
    }),
  ),
});
export type DeleteGroupsResponse = Infer<typeof DeleteGroupsResponse>;

export const DeleteGroupsApi = api({
  key: 42,
  name: "DeleteGroups",
  versions: [0, 2],
  flexibleFrom: 2,
  request: DeleteGroupsRequest,
  response: DeleteGroupsResponse,
});
