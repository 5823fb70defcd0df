import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { bool, int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// IncrementalAlterConfigs (key 44), versions 0–1.
// Changes single configs of a resource: operation 0 set, 1 delete, 2 append, 3 subtract (KIP-339).
// v1 flexible

export const IncrementalAlterConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      configs: array(
        struct({
          name: string,
          configOperation: int8,
          value: string.nullable,
        }),
      ),
    }),
  ),
  validateOnly: bool,
});
export type IncrementalAlterConfigsRequest = Infer<typeof IncrementalAlterConfigsRequest>;

export const IncrementalAlterConfigsResponse = struct({
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
export type IncrementalAlterConfigsResponse = Infer<typeof IncrementalAlterConfigsResponse>;

export const IncrementalAlterConfigsApi = api({
  key: 44,
  name: "IncrementalAlterConfigs",
  versions: [0, 1],
  flexibleFrom: 1,
  request: IncrementalAlterConfigsRequest,
  response: IncrementalAlterConfigsResponse,
});
