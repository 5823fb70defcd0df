import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { bool, int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeCluster (key 60), versions 0–2.
// Cluster id, controller and brokers.
// v1 endpointType (1 brokers, 2 controllers; KIP-919) · v2 fenced brokers on request (KIP-1073)

export const DescribeClusterRequest = struct({
  includeClusterAuthorizedOperations: bool,
  endpointType: since(1, int8, 1).strict,
  includeFencedBrokers: since(2, bool, false).strict,
});
export type DescribeClusterRequest = Infer<typeof DescribeClusterRequest>;

export const DescribeClusterResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: int16,
  errorMessage: optional(string.nullable, null),
  endpointType: since(1, int8, 1),
  clusterId: string,
  controllerId: optional(int32, -1),
  brokers: array(
    struct({
      brokerId: int32,
      host: string,
      port: int32,
      rack: optional(string.nullable, null),
      isFenced: since(2, bool, false),
    }),
  ),
  clusterAuthorizedOperations: optional(int32, -2147483648),
});
export type DescribeClusterResponse = Infer<typeof DescribeClusterResponse>;

export const DescribeClusterApi = api({
  key: 60,
  name: "DescribeCluster",
  versions: [0, 2],
  flexibleFrom: 0,
  request: DescribeClusterRequest,
  response: DescribeClusterResponse,
});
