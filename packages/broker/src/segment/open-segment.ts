import type { Files } from "@odradek/kit";
import { join } from "node:path";
import { entriesIn } from "./entry-file.ts";
import { fileName } from "./file-names.ts";
import { OFFSET_ENTRY_BYTES } from "./offset-index.ts";
import { Segment, type SegmentFiles } from "./segment.ts";
import { TIME_ENTRY_BYTES } from "./time-index.ts";
import { CorruptLogError } from "./walk.ts";

/** Makes an empty segment; what an earlier one of the same name left is overwritten. `suffix` stands behind its files' names. */
export function createSegment(where: SegmentFiles, baseOffset: number, suffix = ""): Segment {
  const file = where.files.open(join(where.directory, fileName(baseOffset, "log") + suffix), { create: true });
  if (file.size() > 0) file.truncate(0);
  file.close();
  return new Segment(where, { baseOffset, size: 0, entries: 0, times: 0, suffix });
}

/** Opens a segment that recovery will read from its start: its indexes are not believed. */
export function openUnclean(where: SegmentFiles, baseOffset: number): Segment {
  const size = sizeOfFile(where.files, join(where.directory, fileName(baseOffset, "log"))) ?? 0;
  return new Segment(where, { baseOffset, size, entries: 0, times: 0 });
}

/**
 * Opens a segment whose records were on stable storage. Indexes that can't be right are built again (RELIABILITY L-03), and so are those that
 * may not have been there (`areIndexesSafe`).
 */
export function openSegment(
  where: SegmentFiles,
  baseOffset: number,
  { indexIntervalBytes, areIndexesSafe }: { indexIntervalBytes: number; areIndexesSafe: boolean },
): Segment {
  const sizeOf = (kind: "log" | "index" | "timeindex"): number | null =>
    sizeOfFile(where.files, join(where.directory, fileName(baseOffset, kind)));
  const size = sizeOf("log") ?? 0;
  const indexes = [sizeOf("index"), sizeOf("timeindex")] as const;
  // Of many partitions most may be empty, and making two empty files for each of them takes longer than all else.
  if (size === 0 && !indexes[0] && !indexes[1]) return new Segment(where, { baseOffset, size, entries: 0, times: 0 });
  const entries = wholeEntries(indexes[0], OFFSET_ENTRY_BYTES);
  const times = wholeEntries(indexes[1], TIME_ENTRY_BYTES);
  if (entries !== null && times !== null && areIndexesSafe) {
    const segment = new Segment(where, { baseOffset, size, entries, times });
    if (indexesFit(segment)) return segment;
    segment.close();
  }
  const segment = new Segment(where, { baseOffset, size, entries: 0, times: 0 });
  try {
    segment.rebuildIndexes(indexIntervalBytes);
  } catch (error) {
    // The log itself is damaged there (L-02): what the indexes have so far is right, and whoever reads on finds out.
    if (!(error instanceof CorruptLogError)) throw error;
  }
  segment.seal();
  return segment;
}

/** Whether the last entries of both indexes name batches that are there. What stands before them was written before them. */
function indexesFit(segment: Segment): boolean {
  if (segment.size === 0) return segment.offsets.count === 0 && segment.max.timestamp < 0;
  const last = segment.offsets.last();
  if (last !== null && segment.headerAt(last.position)?.lastOffset !== last.offset) return false;
  const { max } = segment;
  if (max.timestamp < 0 || segment.timesDescend()) return false;
  const batch = segment.headerOf(max.offset);
  return batch?.lastOffset === max.offset && batch.maxTimestamp === max.timestamp;
}

const wholeEntries = (fileBytes: number | null, entryBytes: number): number | null =>
  fileBytes === null ? null : entriesIn(fileBytes, entryBytes);

function sizeOfFile(files: Files, path: string): number | null {
  if (!files.exists(path)) return null;
  const file = files.open(path);
  try {
    return file.size();
  } finally {
    file.close();
  }
}
