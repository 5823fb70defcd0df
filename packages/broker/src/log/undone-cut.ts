import type { Logger } from "@odradek/kit";
import type { Segment } from "../segment/segment.ts";
import { CorruptLogError } from "../segment/walk.ts";

/**
 * Cuts a segment again that was cut at `end`, where the next one begins: a loss of power may undo the cut and keep the name of the next one. As
 * long as that is so the recovery point stands at `end`, for a sync takes the older segment first (L-14, L-16).
 */
export function cutAgain(segment: Segment, end: number, options: { indexIntervalBytes: number; logger: Logger }): void {
  const position = positionAt(segment, end);
  if (position === null || position >= segment.size) return;
  const bytesCut = segment.size - position;
  options.logger.warn(
    { evt: "log-cut", path: segment.path, position, bytesCut, end },
    "cut off what was truncated once",
  );
  segment.cutAt(position);
  segment.rebuildIndexes(options.indexIntervalBytes);
  segment.seal();
}

/** Where the batches below `end` end; null: that can't be told, and is for whoever looks for damage. Behind them may stand anything. */
function positionAt(segment: Segment, end: number): number | null {
  let cut: number | null = null;
  try {
    for (const { batch, position } of segment.headersFrom(end - 1)) {
      // Behind an offset that is too high stands one that is right: the disk has changed the first (L-02).
      if (batch.baseOffset < end && (cut !== null || batch.nextOffset > end)) return null;
      cut ??= batch.baseOffset < end ? position + batch.size : position;
    }
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
  }
  return cut;
}
