import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { bool, int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// CreatePartitions (key 37), versions 0–3.
// Raises the number of partitions of topics to count.
// v2 flexible · v3 THROTTLING_QUOTA_EXCEEDED

export const CreatePartitionsRequest = struct({
  topics: array(
    struct({
      name: string,
      count: int32,
      assignments: array(
        struct({
          brokerIds: array(int32),
        }),
      ).nullable,
    }),
  ),
  timeoutMs: int32,
  validateOnly: bool,
});
export type CreatePartitionsRequest = Infer<typeof CreatePartitionsRequest>;

export const CreatePartitionsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  results: array(
    struct({
      name: string,
      errorCode: int16,
      errorMessage: optional(string.nullable, null),
    }),
  ),
});
export type CreatePartitionsResponse = Infer<typeof CreatePartitionsResponse>;

export const CreatePartitionsApi = api({
  key: 37,
  name: "CreatePartitions",
  versions: [0, 3],
  flexibleFrom: 2,
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse,
});
