import type { LogConfig } from "./log-config.ts";
import type { Segments } from "./segments.ts";

/** What retention looks at. `end`: where the segment's offsets end. */
export type Aged = { readonly end: number; readonly size: number; readonly maxTimestamp: number };

/**
 * How many of the oldest segments may go. Never one that reaches beyond the high watermark (RELIABILITY L-18), and only the records
 * below the log's start offset where the policy lacks `delete`.
 */
export function expired(
  segments: readonly Aged[],
  log: { start: number; high: number; wallMs: number },
  config: Pick<LogConfig, "retentionMs" | "retentionBytes" | "cleanupPolicy">,
): number {
  let surplus = segments.reduce((bytes, segment) => bytes + segment.size, 0) - config.retentionBytes;
  let count = 0;
  for (const segment of segments) {
    if (segment.end > log.high) break;
    const byStart = segment.end <= log.start;
    const bySize = config.cleanupPolicy.delete && surplus - segment.size >= 0;
    const byAge = config.cleanupPolicy.delete && log.wallMs - segment.maxTimestamp > config.retentionMs;
    if (!byStart && !bySize && !byAge) break;
    surplus -= segment.size;
    count++;
  }
  return count;
}

/** What retention looks at; an empty active segment has nothing to expire. A segment without timestamps counts as of `sinceMs`. */
function agedOf(segments: Segments, log: { end: number; sinceMs: number }): Aged[] {
  const aged = segments.all().map((segment, index) => ({
    end: segments.endOf(index, log.end),
    size: segment.size,
    maxTimestamp: segment.max.timestamp < 0 ? log.sinceMs : segment.max.timestamp,
  }));
  return segments.active.size === 0 ? aged.slice(0, -1) : aged;
}

/** How many of a log's oldest segments may go now; `sinceMs` and `wallMs` as of the active segment. */
export function expiredIn(
  segments: Segments,
  log: { start: number; high: number; end: number; wallMs: number; sinceMs: number },
  config: LogConfig,
): number {
  return expired(agedOf(segments, log), log, config);
}
