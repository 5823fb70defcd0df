import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { bool, int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeConfigs (key 32), versions 1–4.
// Configs of topics (type 2), brokers (4) and others with their source and synonyms. Null keys: all.
// v1 synonyms, configSource · v3 configType, documentation · v4 flexible

export const DescribeConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      configurationKeys: array(string).nullable,
    }),
  ),
  includeSynonyms: optional(bool, false),
  includeDocumentation: since(3, bool, false).strict,
});
export type DescribeConfigsRequest = Infer<typeof DescribeConfigsRequest>;

export const DescribeConfigsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  results: array(
    struct({
      errorCode: int16,
      errorMessage: string.nullable,
      resourceType: int8,
      resourceName: string,
      configs: array(
        struct({
          name: string,
          value: string.nullable,
          readOnly: bool,
          configSource: optional(int8, -1),
          isSensitive: bool,
          synonyms: array(
            struct({
              name: string,
              value: string.nullable,
              source: int8,
            }),
          ),
          configType: since(3, int8, 0),
          documentation: since(3, string.nullable, ""),
        }),
      ),
    }),
  ),
});
export type DescribeConfigsResponse = Infer<typeof DescribeConfigsResponse>;

export const DescribeConfigsApi = api({
  key: 32,
  name: "DescribeConfigs",
  versions: [1, 4],
  flexibleFrom: 4,
  request: DescribeConfigsRequest,
  response: DescribeConfigsResponse,
});
