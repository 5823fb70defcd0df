import type { ClusterOptions } from "../cluster/options.ts";
import { type Assignor, rangeAssignor, roundRobinAssignor } from "./assignors.ts";

export type OffsetReset = "earliest" | "latest" | "none";
export type AssignorName = "range" | "roundrobin";

export type ConsumerOptions = ClusterOptions & {
  readonly groupId?: string;
  /** A static member (KIP-345): it keeps its partitions over a restart within the session timeout. */
  readonly groupInstanceId?: string;
  /** Where to begin when nothing has been committed, or what was is gone. */
  readonly autoOffsetReset?: OffsetReset;
  readonly isAutoCommit?: boolean;
  readonly autoCommitIntervalMs?: number;
  readonly isolationLevel?: "read_uncommitted" | "read_committed";
  /** A broker answers a fetch when it has that much, or after `maxWaitMs`. */
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly maxBytes?: number;
  readonly partitionBytesMax?: number;
  /** Where this consumer stands: it may be sent to a follower in the same rack (KIP-392). */
  readonly rack?: string;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  /** In order of preference. */
  readonly assignors?: readonly AssignorName[];
};

export type ConsumerSettings = {
  readonly groupId: string | null;
  readonly groupInstanceId: string | null;
  readonly autoOffsetReset: OffsetReset;
  readonly isAutoCommit: boolean;
  readonly autoCommitIntervalMs: number;
  readonly isolationLevel: 0 | 1;
  readonly minBytes: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionBytesMax: number;
  readonly rack: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly assignors: readonly Assignor[];
};

const known: { readonly [name in AssignorName]: Assignor } = { range: rangeAssignor, roundrobin: roundRobinAssignor };

/** Throws RangeError on options that contradict each other. */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const groupId = options.groupId ?? null;
  if (groupId === "") throw new RangeError("an empty group id");
  if (groupId === null && options.isAutoCommit === true) throw new RangeError("committing needs a group id");
  return {
    groupId,
    groupInstanceId: options.groupInstanceId ?? null,
    autoOffsetReset: options.autoOffsetReset ?? "latest",
    isAutoCommit: options.isAutoCommit ?? groupId !== null,
    autoCommitIntervalMs: options.autoCommitIntervalMs ?? 5_000,
    isolationLevel: options.isolationLevel === "read_committed" ? 1 : 0,
    minBytes: options.minBytes ?? 1,
    maxWaitMs: options.maxWaitMs ?? 500,
    maxBytes: options.maxBytes ?? 50 * 1024 * 1024,
    partitionBytesMax: options.partitionBytesMax ?? 1024 * 1024,
    rack: options.rack ?? "",
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3_000,
    assignors: (options.assignors ?? ["range", "roundrobin"]).map((name) => known[name]),
  };
}
