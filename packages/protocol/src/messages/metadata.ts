import { api } from "../schema/api.ts";
import { between, since } from "../schema/field.ts";
import { bool, int16, int32, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// Metadata (key 3), versions 0–13.
// Brokers, controller, and the leader, replicas and ISR of partitions. May create a topic that is missing.
// v0 an empty list means all topics; from v1 on null does, and an empty list means none.
// v2 clusterId · v4 allowAutoTopicCreation · v5 offlineReplicas · v7 leaderEpoch · v8 authorized operations (to v10 for the cluster)
// v9 flexible · v10 topicId in the response · v12 query by topicId · v13 top-level errorCode, for clients that are to begin anew

export const MetadataRequest = struct({
  topics: array(
    struct({
      topicId: since(10, uuid, UUID_ZERO),
      name: string.nullableSince(10),
    }),
  ).nullableSince(1),
  allowAutoTopicCreation: since(4, bool, true).strict,
  includeClusterAuthorizedOperations: between(8, 10, bool, false).strict,
  includeTopicAuthorizedOperations: since(8, bool, false).strict,
});
export type MetadataRequest = Infer<typeof MetadataRequest>;

export const MetadataResponse = struct({
  throttleTimeMs: since(3, int32, 0),
  brokers: array(
    struct({
      nodeId: int32,
      host: string,
      port: int32,
      rack: since(1, string.nullable, null),
    }),
  ),
  clusterId: since(2, string.nullable, null),
  controllerId: since(1, int32, -1),
  topics: array(
    struct({
      errorCode: int16,
      name: string.nullableSince(12),
      topicId: since(10, uuid, UUID_ZERO),
      isInternal: since(1, bool, false),
      partitions: array(
        struct({
          errorCode: int16,
          partitionIndex: int32,
          leaderId: int32,
          leaderEpoch: since(7, int32, -1),
          replicaNodes: array(int32),
          isrNodes: array(int32),
          offlineReplicas: since(5, array(int32), []),
        }),
      ),
      topicAuthorizedOperations: since(8, int32, -2147483648),
    }),
  ),
  clusterAuthorizedOperations: between(8, 10, int32, -2147483648),
  errorCode: since(13, int16, 0),
});
export type MetadataResponse = Infer<typeof MetadataResponse>;

export const MetadataApi = api({
  key: 3,
  name: "Metadata",
  versions: [0, 13],
  flexibleFrom: 9,
  request: MetadataRequest,
  response: MetadataResponse,
});
