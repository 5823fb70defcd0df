import type { LogConfig } from "../log/log-config.ts";
import { OFFSET_DELTA_MAX } from "../segment/segment.ts";

/** What planning looks at of a sealed segment. `firstTimestamp`: of its first batch, -1 when unknown. */
export type Piece = {
  readonly baseOffset: number;
  readonly end: number;
  readonly size: number;
  readonly indexBytes: number;
  readonly maxTimestamp: number;
  readonly firstTimestamp: number;
};

export type Plan = {
  readonly dirtyFrom: number;
  /** Nothing from here on is touched. */
  readonly upTo: number;
  /** The share of dirty bytes among those that may be compacted. */
  readonly ratio: number;
  /** A record has waited as long as max.compaction.lag.ms allows. */
  readonly isOverdue: boolean;
};

/**
 * What of a log compaction may look at now: whole sealed segments below `bound`, which is neither beyond the high watermark nor the last
 * stable offset (RELIABILITY L-19), and none with a record younger than min.compaction.lag.ms.
 */
export function planOf(
  sealed: readonly Piece[],
  log: { dirtyFrom: number; bound: number; wallMs: number },
  config: Pick<LogConfig, "minCompactionLagMs" | "maxCompactionLagMs">,
): Plan | null {
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let upTo = log.dirtyFrom;
  let oldest = Infinity;
  for (const piece of sealed) {
    if (piece.end > log.bound) break;
    if (piece.end <= log.dirtyFrom) {
      cleanBytes += piece.size;
      continue;
    }
    const { minCompactionLagMs } = config;
    if (minCompactionLagMs > 0 && piece.maxTimestamp > log.wallMs - minCompactionLagMs) break;
    dirtyBytes += piece.size;
    upTo = piece.end;
    if (piece.firstTimestamp >= 0) oldest = Math.min(oldest, piece.firstTimestamp);
  }
  if (dirtyBytes === 0) return null;
  const ratio = dirtyBytes / (cleanBytes + dirtyBytes);
  return { dirtyFrom: log.dirtyFrom, upTo, ratio, isOverdue: log.wallMs - oldest > config.maxCompactionLagMs };
}

/** Whether it is worth it, as Kafka decides. */
export const isDue = (plan: Plan, config: Pick<LogConfig, "minCleanableDirtyRatio">): boolean =>
  plan.isOverdue || plan.ratio > config.minCleanableDirtyRatio;

/** Neighbours that fit into one segment: its bytes, its indexes and 32-bit distances of offsets (RELIABILITY L-23). */
export function groupsOf<Of extends Piece>(
  sealed: readonly Of[],
  limits: Pick<LogConfig, "segmentBytes" | "segmentIndexBytes">,
): Of[][] {
  const groups: Of[][] = [];
  let bytes = 0;
  let indexBytes = 0;
  for (const piece of sealed) {
    const group = groups.at(-1);
    bytes += piece.size;
    indexBytes += piece.indexBytes;
    const fits =
      group !== undefined &&
      bytes <= limits.segmentBytes &&
      indexBytes <= limits.segmentIndexBytes &&
      piece.end - 1 - group[0]!.baseOffset <= OFFSET_DELTA_MAX;
    if (fits) {
      group.push(piece);
      continue;
    }
    groups.push([piece]);
    bytes = piece.size;
    indexBytes = piece.indexBytes;
  }
  return groups;
}
