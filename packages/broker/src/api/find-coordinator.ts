import { ErrorCode, FindCoordinatorApi } from "@odradek/protocol";
import { handler, type Parts } from "./handler.ts";
import { endpointFor } from "./metadata.ts";

// FindCoordinator (key 10).
// Groups (key type 0): the leader of the group's partition of `__consumer_offsets`, which the first question creates. Transactions and
// share groups have no coordinator here: the first are refused with an error that every client takes as final, as by InitProducerId.

const [GROUP, TRANSACTION, SHARE] = [0, 1, 2];

type Found = { nodeId: number; host: string; port: number; errorCode: ErrorCode; errorMessage: string | null };

export const findCoordinator = handler(FindCoordinatorApi, async (parts, request, { version, listener }) => {
  const keys = version >= 4 ? request.coordinatorKeys : [request.key];
  const found = await Promise.all(keys.map((key) => find(parts, request.keyType, key, listener)));
  if (version >= 4) return { coordinators: found.map((one, index) => ({ key: keys[index]!, ...one })) };
  return found[0]!;
});

async function find(parts: Parts, keyType: number, key: string, listener: string): Promise<Found> {
  if (keyType === TRANSACTION)
    return notFound(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "There are no transactions here.");
  if (keyType === SHARE) return notFound(ErrorCode.COORDINATOR_NOT_AVAILABLE, "There are no share groups here.");
  if (keyType !== GROUP) return notFound(ErrorCode.INVALID_REQUEST, `There is no coordinator type ${keyType}.`);
  const { errorCode, brokerId } = await parts.groups.find(key);
  if (errorCode !== ErrorCode.NONE) return notFound(errorCode, "The coordinator is not available.");
  const broker = parts.cluster.image.brokers.get(brokerId);
  const endpoint = broker && endpointFor(broker, listener);
  if (!endpoint) return notFound(ErrorCode.COORDINATOR_NOT_AVAILABLE, "The coordinator is not available.");
  return { nodeId: brokerId, host: endpoint.host, port: endpoint.port, errorCode, errorMessage: null };
}

const notFound = (errorCode: ErrorCode, errorMessage: string): Found => {
  return { nodeId: -1, host: "", port: -1, errorCode, errorMessage };
};
