import { ErrorCode, errorName, isRetriable, isStaleMetadata } from "@odradek/protocol";

/** A broker answered with an error. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  readonly code: number;
  /** The code's name, such as "UNKNOWN_TOPIC_OR_PARTITION". */
  readonly codeName: string;
  /** What it is about: the topic, the group. */
  readonly what: string;
  /** Of records that were sent: the broker has not written them and never will. Otherwise nobody knows. */
  readonly isRefused: boolean;

  constructor(code: number, what: string, detail: string | null = null, { isRefused = false } = {}) {
    super(`${what}: ${errorName(code)}${detail === null || detail === "" ? "" : ` (${detail})`}`);
    this.code = code;
    this.codeName = errorName(code);
    this.what = what;
    this.isRefused = isRefused;
  }

  get isRetriable(): boolean {
    return isRetriable(this.code);
  }
}

export type Hop = "name lookup" | "tcp" | "api versions" | "advertised address" | "closed";

/** The way to a broker broke at `hop`. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly hop: Hop;
  readonly address: string;

  constructor(hop: Hop, address: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.hop = hop;
    this.address = address;
  }
}

/** A deadline passed. `cause` is the last failure before it, if there was one. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** Broker and client share no version of an API. */
export class UnsupportedVersionError extends Error {
  override readonly name = "UnsupportedVersionError";
}

const refusals: ReadonlySet<number> = new Set([
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
]);

/** Whether a broker says this of records before it has written anything of them. */
export const refusesRecords = (code: number): boolean => refusals.has(code);

/** Whether trying again, perhaps with fresh metadata, may help. */
export function mayRetry(error: unknown): boolean {
  if (error instanceof KafkaError) return error.isRetriable;
  return error instanceof ConnectError || error instanceof DeadlineError;
}

/** Whether the error says that we ask the wrong broker. */
export function saysStaleMetadata(error: unknown): boolean {
  if (error instanceof KafkaError) return isStaleMetadata(error.code) || error.code === ErrorCode.NOT_CONTROLLER;
  return error instanceof ConnectError || error instanceof DeadlineError;
}

/** Throws a KafkaError about `what` unless the code is 0. */
export function orThrow(code: number, what: string, detail: string | null = null): void {
  if (code !== 0) throw new KafkaError(code, what, detail);
}
