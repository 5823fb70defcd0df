import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { bool, int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// AlterConfigs (key 33), versions 0–2.
// Replaces all dynamic configs of a resource: what is not named goes back to its default. Deprecated for IncrementalAlterConfigs.
// v2 flexible

export const AlterConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      configs: array(
        struct({
          name: string,
          value: string.nullable,
        }),
      ),
    }),
  ),
  validateOnly: bool,
});
export type AlterConfigsRequest = Infer<typeof AlterConfigsRequest>;

export const AlterConfigsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  responses: array(
    struct({
      errorCode: int16,
      errorMessage: string.nullable,
      resourceType: int8,
      resourceName: string,
    }),
  ),
});
export type AlterConfigsResponse = Infer<typeof AlterConfigsResponse>;

export const AlterConfigsApi = api({
  key: 33,
  name: "AlterConfigs",
  versions: [0, 2],
  flexibleFrom: 2,
  request: AlterConfigsRequest,
  response: AlterConfigsResponse,
});
