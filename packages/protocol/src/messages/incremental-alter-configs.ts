import { api } from "../schema/api.ts";
import { bool, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";
import { AlterConfigsResponse } from "./alter-configs.ts";

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

export const IncrementalAlterConfigsApi = api({
  key: 44,
  name: "IncrementalAlterConfigs",
  versions: [0, 1],
  flexibleFrom: 1,
  request: IncrementalAlterConfigsRequest,
  response: AlterConfigsResponse,
});
