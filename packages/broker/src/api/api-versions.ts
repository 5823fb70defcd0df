import { ApiKey, ApiVersionsApi, ErrorCode } from "@odradek/protocol";
import { type Handler, handler } from "./handler.ts";

// ApiVersions (key 18).
// Follows from the table of handlers: what is advertised is served. A version we do not speak never gets here (server/connection).

/** What Kafka asks of the names clients give themselves (KIP-511). */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/**
 * Produce is advertised from 0 although less than 3 is refused: librdkafka before 2.11.1 otherwise believes that
 * compression is not supported, and silently does without (KAFKA-18659).
 */
const firstAdvertised = (key: number, first: number): number => (key === ApiKey.Produce ? 0 : first);

/** `served` is asked when the first client comes: the table that holds this handler can't be there before it. */
export const apiVersions = (served: () => readonly Handler[]): Handler =>
  handler(ApiVersionsApi, async (_parts, request, { version }) => {
    const { clientSoftwareName, clientSoftwareVersion } = request;
    const isNamed = SOFTWARE_NAME.test(clientSoftwareName) && SOFTWARE_NAME.test(clientSoftwareVersion);
    if (version >= 3 && !isNamed) return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] };
    const apiKeys = served().map(({ api: { key, versions } }) => {
      const [first, last] = versions;
      return { apiKey: key, minVersion: firstAdvertised(key, first), maxVersion: last };
    });
    return { errorCode: ErrorCode.NONE, apiKeys: apiKeys.sort((one, other) => one.apiKey - other.apiKey) };
  });
