import { limits } from "../limits.ts";
import type { Operation } from "./types.ts";

/** Index of the operation that is one too many, or whose data is too much alone or together; -1 when all fit. */
export function firstOversized(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const [at, operation] of operations.entries()) {
    if (at >= limits.operationsMax) return at;
    const size = operation.is === "create" || operation.is === "set" ? operation.data.length : 0;
    bytes += size;
    if (size > limits.nodeBytesMax || bytes > limits.multiBytesMax) return at;
    if (operation.path.length > limits.pathBytesMax) return at;
  }
  return -1;
}
