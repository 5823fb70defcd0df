import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { int16, int32, int8 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// ElectLeaders (key 43), versions 0–2.
// Elects leaders of the partitions named, or of all for null: the preferred replica, or from v1 on also one outside the ISR (type 1).
// v1 electionType and a whole-request errorCode (KIP-460) · v2 flexible

export const ElectLeadersRequest = struct({
  electionType: since(1, int8, 0).strict,
  topicPartitions: array(
    struct({
      topic: string,
      partitions: array(int32),
    }),
  ).nullable,
  timeoutMs: optional(int32, 60000),
});
export type ElectLeadersRequest = Infer<typeof ElectLeadersRequest>;

export const ElectLeadersResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: since(1, int16, 0),
  replicaElectionResults: array(
    struct({
      topic: string,
      partitionResult: array(
        struct({
          partitionId: int32,
          errorCode: int16,
          errorMessage: optional(string.nullable, null),
        }),
      ),
    }),
  ),
});
export type ElectLeadersResponse = Infer<typeof ElectLeadersResponse>;

export const ElectLeadersApi = api({
  key: 43,
  name: "ElectLeaders",
  versions: [0, 2],
  flexibleFrom: 2,
  request: ElectLeadersRequest,
  response: ElectLeadersResponse,
});
