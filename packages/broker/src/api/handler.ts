import type { Clock, Logger, Random } from "@odradek/kit";
import type { AnyApi, Api } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { BrokerConfig } from "../config.ts";
import type { GroupCoordinator } from "../coordinator/group/coordinator.ts";
import type { Replicas } from "../replica/replicas.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { FetchSessions } from "./fetch-sessions.ts";

/** What is known of a request besides its body. */
export type RequestScope = {
  readonly version: number;
  readonly clientId: string;
  readonly correlationId: number;
  /** Name of the listener the request came in on: answers name addresses of that listener only. */
  readonly listener: string;
  readonly remoteAddress: string;
  /** Runs `release` once, when the response has left the process or never will: for buffers the response embeds. */
  afterSent(release: () => void): void;
};

/** What handlers work with. */
export type Parts = {
  readonly brokerId: number;
  readonly cluster: Cluster;
  readonly replicas: Replicas;
  readonly groups: GroupCoordinator;
  /** Record bytes read for fetches that have not left the process. */
  readonly fetching: ByteBudget;
  readonly sessions: FetchSessions;
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/** Thrown by a handler whose only possible answer is a closed connection, as for a failed produce with acks=0. */
export class CloseConnection extends Error {
  override readonly name = "CloseConnection";
}

export type HandlerOptions<Request, Draft> = {
  /**
   * Requests of this API may be handled while earlier ones of the same connection and API are under way: the handler decides before its
   * first `await`, in order of arrival. Others wait until everything before them is answered, as in Kafka.
   */
  readonly pipelined?: boolean;
  /** The answer when the handler throws; without it the connection is closed (RELIABILITY N-21). */
  readonly failed?: (request: Request, errorCode: number) => Draft;
};

/** One API as the server sees it: decode, handle, encode. The bytes of a request stay valid until `handle` settles. */
export type Handler = {
  readonly api: AnyApi;
  readonly isPipelined: boolean;
  /** Null: no response is sent. */
  handle(parts: Parts, request: unknown, scope: RequestScope): Promise<unknown>;
  /** The answer to a request whose handler threw, or null when the API has none. */
  failed(request: unknown, errorCode: number): unknown;
};

export function handler<Q, QD, S, SD>(
  api: Api<Q, QD, S, SD>,
  handle: (parts: Parts, request: Q, scope: RequestScope) => Promise<SD | null>,
  options: HandlerOptions<Q, SD> = {},
): Handler {
  return {
    api,
    isPipelined: options.pipelined ?? false,
    handle: async (parts, request, scope) => handle(parts, request as Q, scope),
    failed: (request, errorCode) => options.failed?.(request as Q, errorCode) ?? null,
  };
}
