import type { Writer } from "../bytes/writer.ts";
import { ErrorCode } from "../errors.ts";
import { ApiVersionsApi } from "./api-versions.ts";

/**
 * The body that answers an ApiVersions request of a version we do not speak: always in v0 format, naming only the range of
 * ApiVersions itself. In any flexible form Java's client misreads it and falls silent for minutes.
 */
export function writeUnsupportedApiVersions(w: Writer): void {
  const [minVersion, maxVersion] = ApiVersionsApi.versions;
  const apiKeys = [{ apiKey: ApiVersionsApi.key, minVersion, maxVersion }];
  ApiVersionsApi.writeResponse(w, 0, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys });
}
