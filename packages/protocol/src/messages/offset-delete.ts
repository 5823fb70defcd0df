import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { int16, int32 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// OffsetDelete (key 47), versions 0–0.
// Deletes a group's committed offsets of topics it is not subscribed to (KIP-496). Never flexible.

export const OffsetDeleteRequest = struct({
  groupId: string,
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
        }),
      ),
    }),
  ),
});
export type OffsetDeleteRequest = Infer<typeof OffsetDeleteRequest>;

export const OffsetDeleteResponse = struct({
  errorCode: int16,
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
        }),
      ),
    }),
  ),
});
export type OffsetDeleteResponse = Infer<typeof OffsetDeleteResponse>;

export const OffsetDeleteApi = api({
  key: 47,
  name: "OffsetDelete",
  versions: [0, 0],
  flexibleFrom: Infinity,
  request: OffsetDeleteRequest,
  response: OffsetDeleteResponse,
});
