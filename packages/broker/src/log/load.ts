import type { Logger } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import { parseFileName } from "../segment/file-names.ts";
import { createSegment, openSegment, openUnclean } from "../segment/open-segment.ts";
import { OFFSET_DELTA_MAX, type Segment, type SegmentFiles } from "../segment/segment.ts";
import { CorruptLogError } from "../segment/walk.ts";
import type { DerivedState } from "./derived-state.ts";
import { recoverSegment } from "./recovery.ts";
import { Segments } from "./segments.ts";
import type { Snapshots } from "./snapshots.ts";
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
  /** Where an empty log starts. */
  startOffset: number;
};

/** Brings a log directory back: segments, end offset and derived state, whatever the last process left (RELIABILITY L-01 … L-07). */
export async function load(options: LoadOptions): Promise<{ segments: Segments; end: number }> {
  const { where, derived } = options;
  const bases = await settleDirectory(where, options.logger);
  const uncleanFrom = options.cleanShutdown ? Infinity : (bases.findLast((base) => base <= options.recoveryPoint) ?? 0);
  const list = bases.map((base) =>
    base >= uncleanFrom ? openUnclean(where, base) : openSegment(where, base, options.indexIntervalBytes),
  );
  if (list.length === 0) list.push(createSegment(where, options.startOffset));
  const segments = new Segments(list);
  for (const segment of list) if (segment !== segments.active) segment.close();

  const firstUnclean = list.findIndex((segment) => segment.baseOffset >= uncleanFrom);
  const from = derived.load() ? restorePoint(options, list[firstUnclean]) : null;
  if (from === null) derived.restore(null);
  const loaded = await replay(options, segments, { uncleanFrom, from: from ?? segments.first.baseOffset });

  derived.truncated(loaded.end);
  options.snapshots.removeAbove(loaded.end);
  if (!options.cleanShutdown) await derived.save();
  return { segments, end: loaded.end };
}

/** Where replaying must begin so that the producer states are whole; null when no snapshot helps. */
function restorePoint(options: LoadOptions, firstUnclean: Segment | undefined): number | null {
  return options.snapshots.restore(options.derived, firstUnclean?.baseOffset ?? Infinity);
}

async function replay(
  options: LoadOptions,
  segments: Segments,
  range: { uncleanFrom: number; from: number },
): Promise<{ end: number }> {
  const feed = (batch: Batch): void => {
    if (batch.baseOffset >= range.from) options.derived.batch(batch);
  };
  let at = { end: segments.first.baseOffset, epoch: -1 };
  for (let index = segments.floor(range.from); index < segments.count; index++) {
    const segment = segments.use(index);
    const stored = segment.baseOffset < range.uncleanFrom ? walk(options, segment, range.from, feed) : null;
    if (stored !== null) {
      at = { end: stored.end, epoch: Math.max(at.epoch, stored.epoch) };
      continue;
    }
    const recovered = await recoverSegment(segment, { ...options, pool: options.where.pool, epoch: at.epoch, feed });
    at = recovered;
    if (segment !== segments.active) segment.seal();
    if (recovered.bytesCut === 0 && joins(at.end, segments.all()[index + 1])) continue;
    await dropBehind(options, segments, index);
    break;
  }
  return at;
}

/** Reads the headers of a segment that was closed in order. Null: it was not, after all. */
function walk(
  options: LoadOptions,
  segment: Segment,
  from: number,
  feed: (batch: Batch) => void,
): { end: number; epoch: number } | null {
  const at = { end: segment.baseOffset, epoch: -1 };
  try {
    const begin = Math.min(Math.max(from, segment.baseOffset), segment.offsets.last()?.offset ?? segment.baseOffset);
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
