import { API_VERSIONS_KEY, isFlexible } from "./api-keys.ts";
import type { Reader } from "./bytes/reader.ts";
import type { Writer } from "./bytes/writer.ts";
import { string } from "./schema/sized.ts";
import { skipTags } from "./schema/struct.ts";

export type RequestHeader = {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
};

/** The client id has a classic length even in flexible headers, so that any header can be read. */
const clientId = string.nullable.compile({ number: 1, flexible: false });

/** Header v1, or v2 where the body is flexible. An unknown API key is read as v1. Throws ProtocolError on malformed bytes. */
export function readRequestHeader(r: Reader): RequestHeader {
  const apiKey = r.int16();
  const apiVersion = r.int16();
  const header = { apiKey, apiVersion, correlationId: r.int32(), clientId: clientId.read(r) };
  if (isFlexible(apiKey, apiVersion)) skipTags(r);
  return header;
}

export function writeRequestHeader(w: Writer, header: RequestHeader): void {
  w.int16(header.apiKey);
  w.int16(header.apiVersion);
  w.int32(header.correlationId);
  clientId.write(w, header.clientId);
  if (isFlexible(header.apiKey, header.apiVersion)) w.uvarint(0);
}

/** ApiVersions answers with header v0 always: its asker can't know yet what we speak (KIP-511). */
const hasResponseTags = (apiKey: number, apiVersion: number): boolean =>
  apiKey !== API_VERSIONS_KEY && isFlexible(apiKey, apiVersion);

/** Reads the correlation id that begins every response. */
export function readResponseHeader(r: Reader, apiKey: number, apiVersion: number): { readonly correlationId: number } {
  const correlationId = r.int32();
  if (hasResponseTags(apiKey, apiVersion)) skipTags(r);
  return { correlationId };
}

export function writeResponseHeader(w: Writer, apiKey: number, apiVersion: number, correlationId: number): void {
  w.int32(correlationId);
  if (hasResponseTags(apiKey, apiVersion)) w.uvarint(0);
}
