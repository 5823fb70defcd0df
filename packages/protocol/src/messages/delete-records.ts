import { api } from "../schema/api.ts";
import { optional } from "../schema/field.ts";
import { int16, int32, int64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DeleteRecords (key 21), versions 0–2.
// Moves the log start offset of partitions forward; -1 means to the high watermark.
// v2 flexible

export const DeleteRecordsRequest = struct({
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          offset: int64,
        }),
      ),
    }),
  ),
  timeoutMs: int32,
});
export type DeleteRecordsRequest = Infer<typeof DeleteRecordsRequest>;

export const DeleteRecordsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          lowWatermark: int64,
          errorCode: int16,
        }),
      ),
    }),
  ),
});
export type DeleteRecordsResponse = Infer<typeof DeleteRecordsResponse>;

export const DeleteRecordsApi = api({
  key: 21,
  name: "DeleteRecords",
  versions: [0, 2],
  flexibleFrom: 2,
  request: DeleteRecordsRequest,
  response: DeleteRecordsResponse,
});
