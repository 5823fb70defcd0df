import type { SegmentCut } from "../segment/segment.ts";
import { CorruptLogError } from "../segment/walk.ts";
import type { DerivedState } from "./derived-state.ts";
import type { Segments } from "./segments.ts";
import type { Snapshots } from "./snapshots.ts";

type Truncated = {
  readonly segments: Segments;
  readonly snapshots: Snapshots;
  readonly derived: DerivedState;
  readonly fail: (error: unknown) => void;
};

/**
 * All that a truncation reads, before it changes a file; the producer states are then those at its end. Damage is thrown as CorruptLogError and
 * nothing has changed: a disk that gives back other bytes can be mended, and only one that refuses fences the log (RELIABILITY L-02, L-08).
 */
export function planTruncation(
  log: Truncated,
  to: { offset: number; end: number },
): { cut: SegmentCut | null; end: number } {
  const { segments, snapshots, derived, fail } = log;
  const { offset, end } = to;
  try {
    const cut = offset < end ? segments.use(segments.floor(offset)).cutFor(offset) : null;
    const newEnd = cut?.end ?? Math.min(offset, end);
    snapshots.reload(derived, newEnd, {
      start: segments.first.baseOffset,
      batches: (from) => segments.batches(from),
    });
    return { cut, end: newEnd };
  } catch (error) {
    if (!(error instanceof CorruptLogError)) fail(error);
    throw error;
  }
}
