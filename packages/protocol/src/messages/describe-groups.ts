import { api } from "../schema/api.ts";
import { since } from "../schema/field.ts";
import { bool, int16, int32 } from "../schema/primitives.ts";
import { array, bytes, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeGroups (key 15), versions 0–6.
// State, protocol and members of classic groups.
// v3 authorizedOperations (KIP-430) · v4 groupInstanceId · v5 flexible
// v6 a missing group is GROUP_ID_NOT_FOUND with a message; before, it is state "Dead" without an error (KIP-1043)

export const DescribeGroupsRequest = struct({
  groups: array(string),
  includeAuthorizedOperations: since(3, bool, false).strict,
});
export type DescribeGroupsRequest = Infer<typeof DescribeGroupsRequest>;

export const DescribeGroupsResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  groups: array(
    struct({
      errorCode: int16,
      errorMessage: since(6, string.nullable, null),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array(
        struct({
          memberId: string,
          groupInstanceId: since(4, string.nullable, null),
          clientId: string,
          clientHost: string,
          memberMetadata: bytes,
          memberAssignment: bytes,
        }),
      ),
      authorizedOperations: since(3, int32, -2147483648),
    }),
  ),
});
export type DescribeGroupsResponse = Infer<typeof DescribeGroupsResponse>;

export const DescribeGroupsApi = api({
  key: 15,
  name: "DescribeGroups",
  versions: [0, 6],
  flexibleFrom: 5,
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse,
});
