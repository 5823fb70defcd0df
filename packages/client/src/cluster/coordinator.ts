import { type AnyApi, ErrorCode, type ResponseOf } from "@odradek/protocol";
import { ConnectError, DeadlineError, KafkaError } from "../errors.ts";
import type { Cluster, Lane } from "./cluster.ts";
import type { Said } from "./connection.ts";

export type CoordinatorCall<A extends AnyApi> = {
  readonly groupId: string;
  readonly api: A;
  readonly request: Said<A>;
  /** The error codes of a response, of all its parts. */
  errorsOf(response: ResponseOf<A>): readonly number[];
  readonly lane?: Lane;
  readonly timeoutMs?: number;
};

/**
 * One request to a group's coordinator. When the answer says that it is not the coordinator (any more), or it can't be reached,
 * it is forgotten and a retriable error is thrown, so that the next attempt asks who is.
 */
export async function askCoordinator<A extends AnyApi>(
  cluster: Cluster,
  call: CoordinatorCall<A>,
): Promise<ResponseOf<A>> {
  const { groupId, api, request, lane = "main", timeoutMs } = call;
  const broker = await cluster.coordinatorOf(groupId);
  try {
    const response = await cluster.send(broker, api, request, timeoutMs === undefined ? { lane } : { lane, timeoutMs });
    const moved = call.errorsOf(response).find(isAboutCoordinator);
    if (moved !== undefined) throw new KafkaError(moved, `group ${groupId}`);
    return response;
  } catch (error) {
    const isLost = error instanceof ConnectError || error instanceof DeadlineError;
    if (isLost || (error instanceof KafkaError && error.code !== ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)) {
      cluster.forgetCoordinator(groupId);
    }
    throw error;
  }
}

const isAboutCoordinator = (code: number): boolean =>
  code === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS ||
  code === ErrorCode.COORDINATOR_NOT_AVAILABLE ||
  code === ErrorCode.NOT_COORDINATOR;
