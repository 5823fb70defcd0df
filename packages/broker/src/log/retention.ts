import type { LogConfig } from "./log-config.ts";

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
