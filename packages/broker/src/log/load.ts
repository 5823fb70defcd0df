import type { Logger } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import { DELETED_SUFFIX, parseFileName } from "../segment/file-names.ts";
import { createSegment, openSegment } from "../segment/open-segment.ts";
import type { Segment, SegmentFiles } from "../segment/segment.ts";
import { CorruptLogError } from "../segment/walk.ts";
import type { DerivedState } from "./derived-state.ts";
import { recoverSegment } from "./recovery.ts";
import { Segments } from "./segments.ts";
import type { Snapshots } from "./snapshots.ts";

/** What a crash may leave behind of work that was not finished. */
const LEFTOVER = [DELETED_SUFFIX, ".cleaned", ".tmp"];

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
export async function load(options: LoadOptions): Promise<{ segments: Segments; end: number; bytesCut: number }> {
  const { where, derived } = options;
  const list = (await removeLeftovers(where)).map((base) => openSegment(where, base, options.indexIntervalBytes));
  if (list.length === 0) list.push(createSegment(where, options.startOffset));
  const segments = new Segments(list);
  for (const segment of list) if (segment !== segments.active) segment.close();

  const firstUnclean = options.cleanShutdown ? segments.count : segments.floor(options.recoveryPoint);
  const from = derived.load() ? restorePoint(options, segments, firstUnclean) : null;
  if (from === null) derived.restore(null);
  const loaded = await replay(options, segments, { firstUnclean, from: from ?? segments.first.baseOffset });

  derived.truncated(loaded.end);
  options.snapshots.removeAbove(loaded.end);
  if (!options.cleanShutdown) await derived.save();
  return { segments, ...loaded };
}

/** Base offsets of the segments on disk, after removing what must not be there. */
async function removeLeftovers(where: SegmentFiles): Promise<number[]> {
  const { files, directory } = where;
  const bases: number[] = [];
  const names = files.list(directory);
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed?.kind === "log") bases.push(parsed.offset);
    if (LEFTOVER.some((suffix) => name.endsWith(suffix))) await files.remove(join(directory, name));
  }
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed !== null && parsed.kind.endsWith("index") && !bases.includes(parsed.offset))
      await files.remove(join(directory, name));
  }
  return bases;
}

/** Where replaying must begin so that the producer states are whole; null when no snapshot helps. */
function restorePoint(options: LoadOptions, segments: Segments, firstUnclean: number): number | null {
  const limit = segments.all()[firstUnclean]?.baseOffset ?? Infinity;
  return options.snapshots.restore(options.derived, limit);
}

async function replay(
  options: LoadOptions,
  segments: Segments,
  range: { firstUnclean: number; from: number },
): Promise<{ end: number; bytesCut: number }> {
  const feed = (batch: Batch): void => {
    if (batch.baseOffset >= range.from) options.derived.batch(batch);
  };
  let end = segments.first.baseOffset;
  for (let index = segments.floor(range.from); index < segments.count; index++) {
    const segment = segments.use(index);
    const stored = index < range.firstUnclean ? walk(options, segment, range.from, feed) : null;
    if (stored !== null) {
      end = stored;
      continue;
    }
    const recovered = await recoverSegment(segment, { ...options, pool: options.where.pool, feed });
    end = recovered.end;
    if (segment !== segments.active) segment.seal();
    if (recovered.bytesCut === 0) continue;
    await dropBehind(options, segments, index);
    return recovered;
  }
  return { end, bytesCut: 0 };
}

/** Reads the headers of a segment that was closed in order. Null: it was not, after all. */
function walk(options: LoadOptions, segment: Segment, from: number, feed: (batch: Batch) => void): number | null {
  let end = segment.baseOffset;
  try {
    const begin = Math.min(Math.max(from, segment.baseOffset), segment.offsets.last()?.offset ?? segment.baseOffset);
    for (const { batch } of segment.headersFrom(begin)) {
      feed(batch);
      end = batch.nextOffset;
    }
    return end;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    options.logger.warn({ evt: "log-unclean", path: segment.path, err: error }, "a segment needs recovery after all");
    return null;
  }
}

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
}
