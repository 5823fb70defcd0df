import type { Logger } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import { examineFile } from "../segment/examine.ts";
import { parseFileName } from "../segment/file-names.ts";
import { createSegment, openSegment, openUnclean } from "../segment/open-segment.ts";
import { OFFSET_DELTA_MAX, type Segment, type SegmentFiles } from "../segment/segment.ts";
import { verifyBatches } from "../segment/verify.ts";
import { CorruptLogError } from "../segment/walk.ts";
import type { DerivedState } from "./derived-state.ts";
import { recoverSegment } from "./recovery.ts";
import { Segments } from "./segments.ts";
import type { Snapshots } from "./snapshots.ts";
import { cutAgain } from "./undone-cut.ts";
import { settleDirectory } from "./unfinished.ts";

export type LoadOptions = {
  where: SegmentFiles;
  logger: Logger;
  derived: DerivedState;
  snapshots: Snapshots;
  indexIntervalBytes: number;
  /** The last process closed this log in order: nothing needs checking. */
  cleanShutdown: boolean;
  /** Records below were on stable storage. */
  recoveryPoint: number;
  /** A sync may have failed since: what is read of what was not on stable storage is written again. */
  rewrites: boolean;
  /** Where an empty log starts. */
  startOffset: number;
};

/** Brings a log directory back: segments, end offset and derived state, whatever the last process left (RELIABILITY L-01 … L-07). */
export async function load(options: LoadOptions): Promise<{ segments: Segments; end: number }> {
  const { where, derived } = options;
  const bases = await settleDirectory(where, options.logger);
  const uncleanFrom = options.cleanShutdown ? Infinity : (bases.findLast((base) => base <= options.recoveryPoint) ?? 0);
  const list = bases.map((base, index) => {
    if (base >= uncleanFrom) return openUnclean(where, base);
    // Its records were safe when it was still active; that its indexes followed them is told by the snapshot that comes last.
    const isLastSafe = !options.cleanShutdown && bases[index + 1] === options.recoveryPoint;
    const areIndexesSafe = !isLastSafe || options.snapshots.has(options.recoveryPoint);
    return openSegment(where, base, { ...options, areIndexesSafe });
  });
  if (list.length === 0) list.push(createSegment(where, options.startOffset));
  const begun = options.cleanShutdown ? -1 : bases.indexOf(options.recoveryPoint);
  if (begun > 0) cutAgain(list[begun - 1]!, options.recoveryPoint, options);
  const segments = new Segments(list);
  for (const segment of list) if (segment !== segments.active) segment.close();

  const firstUnclean = list.findIndex((segment) => segment.baseOffset >= uncleanFrom);
  const isEpochsKnown = derived.load();
  // Without epochs every batch is replayed, so the producers' states are those of the log's start.
  const unclean = isEpochsKnown ? list[firstUnclean]?.baseOffset : segments.first.baseOffset;
  const from = restorePoint(options, { start: segments.first.baseOffset, unclean: unclean ?? Infinity });
  const epochOf = isEpochsKnown && options.cleanShutdown ? (offset: number) => derived.epochOf(offset) : () => -1;
  const loaded = await replay({ ...options, epochOf }, segments, {
    uncleanFrom,
    from: from ?? segments.first.baseOffset,
  });

  derived.truncated(loaded.end);
  options.snapshots.removeAbove(loaded.end);
  if (from !== null && from > loaded.end) deriveAgain(options, segments, loaded.end);
  if (!options.cleanShutdown) await derived.save();
  return { segments, end: loaded.end };
}

/**
 * Where replaying must begin so that the producer states are whole; null when no snapshot helps. One from before the log's start is worse
 * than none: what its producers sent since is gone, and what they send next would be out of order.
 */
function restorePoint(
  { snapshots, derived }: LoadOptions,
  { start, unclean }: { start: number; unclean: number },
): number | null {
  const at = snapshots.restore(derived, unclean);
  if (at !== null && at >= start) return at;
  derived.restore(null);
  return null;
}

/** A log that was to start over further on (I-04), and was closed before it did, left a snapshot of producers that it never heard of. */
function deriveAgain(options: LoadOptions, segments: Segments, end: number): void {
  const start = segments.first.baseOffset;
  const from = restorePoint(options, { start, unclean: end }) ?? start;
  for (const batch of segments.batches(from)) if (batch.baseOffset >= from) options.derived.batch(batch);
}

/** While batches are replayed, only a checkpoint of a log that was closed in order knows the epochs of all of them. */
type ReplayOptions = LoadOptions & { epochOf: (offset: number) => number };

async function replay(
  options: ReplayOptions,
  segments: Segments,
  range: { uncleanFrom: number; from: number },
): Promise<{ end: number }> {
  const feed = (batch: Batch): void => {
    if (batch.baseOffset >= range.from) options.derived.batch(batch);
  };
  let at = { end: segments.first.baseOffset, epoch: -1 };
  for (let index = segments.floor(range.from); index < segments.count; index++) {
    const segment = segments.use(index);
    const end = options.cleanShutdown ? cleanEnd(options, segments, index) : 0;
    const bounds = { from: range.from, end: segment === segments.active ? end : 0 };
    const stored = segment.baseOffset < range.uncleanFrom ? walk(options, segment, bounds, feed) : null;
    if (stored !== null) {
      at = { end: stored.end, epoch: Math.max(at.epoch, stored.epoch) };
      continue;
    }
    if (end > 0) {
      const dataEnd = await keepDamaged(options, segment, { end, feed });
      // Records behind a damaged end go to a segment of their own: that end may yet come back.
      if (segment === segments.active && dataEnd < end) segments.add(createSegment(options.where, end));
      at = { ...at, end };
      continue;
    }
    const recovered = await recoverSegment(segment, { ...options, pool: options.where.pool, epoch: at.epoch, feed });
    at = recovered;
    segment.verified.add(0, segment.size);
    if (segment !== segments.active) segment.seal();
    if (recovered.bytesCut === 0 && joins(at.end, segments.all()[index + 1])) continue;
    await dropBehind(options, segments, index);
    break;
  }
  return at;
}

/** Where a segment ended when the log was closed in order: where the next one starts, or the recovery point; 0: not known. */
const cleanEnd = (options: LoadOptions, segments: Segments, index: number): number =>
  segments.endOf(index, options.recoveryPoint);

/**
 * A segment that was whole when the log was closed and is not now. All of it was acknowledged, so nothing is cut off: what is missing stays
 * missing until another replica gives it back (RELIABILITY L-02). Returns where the last whole batch ends.
 */
async function keepDamaged(
  { epochOf, logger, indexIntervalBytes }: ReplayOptions,
  segment: Segment,
  log: { end: number; feed: (batch: Batch) => void },
): Promise<number> {
  logger.error({ evt: "log-damaged", path: segment.path, end: log.end }, "a log that was closed in order is damaged");
  let dataEnd = segment.baseOffset;
  segment.forgetIndexes();
  for await (const found of examineFile(segment.checked({ end: log.end, joins: false, epochOf }))) {
    if (found.is === "damage") continue;
    segment.noteStored(found.batch, found.position, indexIntervalBytes);
    log.feed(found.batch);
    dataEnd = found.batch.nextOffset;
  }
  segment.seal();
  return dataEnd;
}

/** Reads the headers of a segment that was closed in order, and ended at `end` (0: not known). Null: it was not, after all. */
function walk(
  options: ReplayOptions,
  segment: Segment,
  { from, end }: { from: number; end: number },
  feed: (batch: Batch) => void,
): { end: number; epoch: number } | null {
  const at = { end: segment.baseOffset, epoch: -1 };
  try {
    const begin = Math.min(Math.max(from, segment.baseOffset), segment.offsets.last()?.offset ?? segment.baseOffset);
    // What is derived from these batches outlives them, so they are checked first.
    const checked = segment.checked({ end: Infinity, joins: false, epochOf: options.epochOf });
    const position = segment.offsets.positionFor(begin);
    verifyBatches(checked, { from: position, to: checked.size, after: segment.baseOffset });
    if (end > segment.baseOffset && !hasBoundary(segment, begin, end))
      throw new CorruptLogError(`${segment.path} does not reach, or jumps over, ${end}, where it ended`);
    segment.verified.add(position, checked.size);
    for (const { batch } of segment.headersFrom(begin)) {
      feed(batch);
      at.end = batch.nextOffset;
      at.epoch = batch.partitionLeaderEpoch;
    }
    return at;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    options.logger.warn({ evt: "log-unclean", path: segment.path, err: error }, "a segment needs recovery after all");
    return null;
  }
}

/** Whether a batch starts or ends at `offset`; looks from `begin` on, or from the start when that is behind it. */
function hasBoundary(segment: Segment, begin: number, offset: number): boolean {
  let isFirst = begin > segment.baseOffset;
  for (const { batch } of segment.headersFrom(begin)) {
    if (isFirst && batch.baseOffset > offset) return hasBoundary(segment, segment.baseOffset, offset);
    if (batch.baseOffset === offset || batch.nextOffset === offset) return true;
    isFirst = false;
  }
  return false;
}

/**
 * Segments join without a gap, unless 32-bit distances asked for one: whatever stood between was lost with the power. One that begins
 * before the end was removed once, and the removal was lost.
 */
const joins = (end: number, next: Segment | undefined): boolean =>
  next === undefined || next.baseOffset === end || next.baseOffset - end > OFFSET_DELTA_MAX;

/** Behind a torn batch nothing counts: those offsets were never followed by whole ones. */
async function dropBehind(options: LoadOptions, segments: Segments, index: number): Promise<void> {
  const { files, directory } = options.where;
  for (const segment of segments.removeLast(segments.count - 1 - index).toReversed()) {
    options.logger.warn({ evt: "segment-dropped", path: segment.path }, "dropped a segment behind a torn one");
    for (const name of files.list(directory)) {
      const parsed = parseFileName(name);
      if (parsed !== null && parsed.kind !== "snapshot" && parsed.offset === segment.baseOffset)
        await files.remove(join(directory, name));
    }
  }
  await files.syncDirectory(directory);
}
