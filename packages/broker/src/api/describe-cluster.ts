import { DescribeClusterApi, type DescribeClusterRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import type { BrokerImage } from "../cluster/image.ts";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "./authorized-operations.ts";
import { handler, type Parts, type RequestScope } from "./handler.ts";
import { controllerId, endpointFor } from "./metadata.ts";

// DescribeCluster (key 60).
// Live brokers by the addresses of the listener asked; from v2 on also those that are known and away, marked as fenced.

type Draft = ResponseDraft<typeof DescribeClusterApi>;

/** The endpoint type of brokers; controllers (2) have no endpoint of their own here. */
const BROKERS = 1;
const CONTROLLERS = 2;

export const describeCluster = handler(DescribeClusterApi, describe);

export function describe(
  { cluster }: Pick<Parts, "cluster">,
  request: DescribeClusterRequest,
  scope: Pick<RequestScope, "listener">,
): Promise<Draft> {
  const { image } = cluster;
  const refuse = (errorCode: number, errorMessage: string): Promise<Draft> =>
    Promise.resolve({ errorCode, errorMessage, clusterId: "", brokers: [] });
  if (request.endpointType === CONTROLLERS)
    return refuse(
      ErrorCode.MISMATCHED_ENDPOINT_TYPE,
      "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
    );
  if (request.endpointType !== BROKERS)
    return refuse(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, `Unsupported endpoint type ${request.endpointType}`);
  const shown = (broker: BrokerImage, isFenced: boolean): Draft["brokers"] => {
    const endpoint = endpointFor(broker, scope.listener);
    return endpoint
      ? [{ brokerId: broker.id, host: endpoint.host, port: endpoint.port, rack: broker.rack, isFenced }]
      : [];
  };
  const away = [...image.known.values()].filter(({ id }) => request.includeFencedBrokers && !image.brokers.has(id));
  return Promise.resolve({
    errorCode: ErrorCode.NONE,
    clusterId: image.clusterId,
    controllerId: controllerId(cluster),
    brokers: [
      ...[...image.brokers.values()].flatMap((broker) => shown(broker, false)),
      ...away.flatMap((broker) => shown(broker, true)),
    ],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations.cluster
      : OPERATIONS_NOT_ASKED,
  });
}
