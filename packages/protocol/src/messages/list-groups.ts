import { api } from "../schema/api.ts";
import { since } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// ListGroups (key 16), versions 0–5.
// The groups this broker coordinates: ask every broker.
// v3 flexible · v4 states filter, groupState (KIP-518) · v5 types filter, groupType (KIP-848)

export const ListGroupsRequest = struct({
  statesFilter: since(4, array(string), []).strict,
  typesFilter: since(5, array(string), []).strict,
});
export type ListGroupsRequest = Infer<typeof ListGroupsRequest>;

export const ListGroupsResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: int16,
  groups: array(
    struct({
      groupId: string,
      protocolType: string,
      groupState: since(4, string, ""),
      groupType: since(5, string, ""),
    }),
  ),
});
export type ListGroupsResponse = Infer<typeof ListGroupsResponse>;

export const ListGroupsApi = api({
  key: 16,
  name: "ListGroups",
  versions: [0, 5],
  flexibleFrom: 3,
  request: ListGroupsRequest,
  response: ListGroupsResponse,
});
