import { api } from "../schema/api.ts";
import { optional, since } from "../schema/field.ts";
import { bool, int16, int32, int64 } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DescribeLogDirs (key 35), versions 1–5.
// What stands in the data directories of the broker asked: size and lag of each replica; null asks for every topic.
// v2 flexible · v3 a whole-request errorCode · v4 totalBytes, usableBytes (KIP-827) · v5 isCordoned

export const DescribeLogDirsRequest = struct({
  topics: array(
    struct({
      topic: string,
      partitions: array(int32),
    }),
  ).nullable,
});
export type DescribeLogDirsRequest = Infer<typeof DescribeLogDirsRequest>;

export const DescribeLogDirsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  errorCode: since(3, int16, 0),
  results: array(
    struct({
      errorCode: int16,
      logDir: string,
      topics: array(
        struct({
          name: string,
          partitions: array(
            struct({
              partitionIndex: int32,
              partitionSize: int64,
              offsetLag: int64,
              isFutureKey: bool,
            }),
          ),
        }),
      ),
      totalBytes: since(4, int64, -1),
      usableBytes: since(4, int64, -1),
      isCordoned: since(5, bool, false),
    }),
  ),
});
export type DescribeLogDirsResponse = Infer<typeof DescribeLogDirsResponse>;

export const DescribeLogDirsApi = api({
  key: 35,
  name: "DescribeLogDirs",
  versions: [1, 5],
  flexibleFrom: 2,
  request: DescribeLogDirsRequest,
  response: DescribeLogDirsResponse,
});
