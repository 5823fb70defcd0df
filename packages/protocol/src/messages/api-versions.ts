import { api } from "../schema/api.ts";
import { since, tagged } from "../schema/field.ts";
import { bool, int16, int32, int64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// ApiVersions (key 18), versions 0–4.
// Which APIs and versions the broker serves. The response header is v0 in every version (KIP-511).
// A version we do not speak is answered in v0 format with UNSUPPORTED_VERSION and only this API's range: see api-versions-fallback.ts.
// v3 flexible, client software name and version, features (KIP-584) · v4 features whose minimum is 0 may be listed (KAFKA-17492)

export const ApiVersionsRequest = struct({
  clientSoftwareName: since(3, string, ""),
  clientSoftwareVersion: since(3, string, ""),
});
export type ApiVersionsRequest = Infer<typeof ApiVersionsRequest>;

export const ApiVersionsResponse = struct({
  errorCode: int16,
  apiKeys: array(
    struct({
      apiKey: int16,
      minVersion: int16,
      maxVersion: int16,
    }),
  ),
  throttleTimeMs: since(1, int32, 0),
  supportedFeatures: tagged(
    0,
    array(
      struct({
        name: string,
        minVersion: int16,
        maxVersion: int16,
      }),
    ),
    [],
  ),
  finalizedFeaturesEpoch: tagged(1, int64, -1),
  finalizedFeatures: tagged(
    2,
    array(
      struct({
        name: string,
        maxVersionLevel: int16,
        minVersionLevel: int16,
      }),
    ),
    [],
  ),
  zkMigrationReady: tagged(3, bool, false),
});
export type ApiVersionsResponse = Infer<typeof ApiVersionsResponse>;

export const ApiVersionsApi = api({
  key: 18,
  name: "ApiVersions",
  versions: [0, 4],
  flexibleFrom: 3,
  request: ApiVersionsRequest,
  response: ApiVersionsResponse,
});
