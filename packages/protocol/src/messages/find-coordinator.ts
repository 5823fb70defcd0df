import { api } from "../schema/api.ts";
import { between, since, until } from "../schema/field.ts";
import { int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// FindCoordinator (key 10), versions 0–6.
// Which broker coordinates a group (keyType 0) or a transactional id (1).
// v1 keyType · v3 flexible · v4 many keys at once: key becomes coordinatorKeys, the answer moves into coordinators (KIP-699) · v6 share groups (2)

export const FindCoordinatorRequest = struct({
  key: until(3, string, "").strict,
  keyType: since(1, int8, 0).strict,
  coordinatorKeys: since(4, array(string), []).strict,
});
export type FindCoordinatorRequest = Infer<typeof FindCoordinatorRequest>;

export const FindCoordinatorResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: until(3, int16, 0),
  errorMessage: between(1, 3, string.nullable, ""),
  nodeId: until(3, int32, 0),
  host: until(3, string, ""),
  port: until(3, int32, 0),
  coordinators: since(
    4,
    array(
      struct({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: string.nullable,
      }),
    ),
    [],
  ),
});
export type FindCoordinatorResponse = Infer<typeof FindCoordinatorResponse>;

export const FindCoordinatorApi = api({
  key: 10,
  name: "FindCoordinator",
  versions: [0, 6],
  flexibleFrom: 3,
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse,
});
