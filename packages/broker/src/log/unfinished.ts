import type { Logger } from "@odradek/kit";
import { join } from "node:path";
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  fileName,
  parseFileName,
  SEGMENT_KINDS,
  SWAP_SUFFIX,
} from "../segment/file-names.ts";
import type { SegmentFiles } from "../segment/segment.ts";
import { CorruptLogError, walkHeaders } from "../segment/walk.ts";

/** What a crash may leave behind of work that was not finished, and that nobody needs. */
const LEFTOVER = [DELETED_SUFFIX, CLEANED_SUFFIX, ".tmp"];

/** Ends what a crash interrupted in a log's directory, one way or the other; returns the base offsets of the segments there. */
export async function settleDirectory(where: SegmentFiles, logger: Logger): Promise<number[]> {
  const { files, directory } = where;
  const names = files.list(directory);
  if (!names.some(isUnfinished)) return removeLoneIndexes(where, names);
  for (const name of names) if (isLeftover(name)) await files.remove(join(directory, name));
  for (const name of files.list(directory)) {
    const swap = parseFileName(name.slice(0, -SWAP_SUFFIX.length));
    if (name.endsWith(SWAP_SUFFIX) && swap?.kind === "log") await finishSwap(where, swap.offset, logger);
  }
  for (const name of files.list(directory)) if (name.endsWith(SWAP_SUFFIX)) await files.remove(join(directory, name)); // an index whose .log has its name already
  return removeLoneIndexes(where, files.list(directory));
}

const isLeftover = (name: string): boolean => LEFTOVER.some((suffix) => name.endsWith(suffix));
const isUnfinished = (name: string): boolean => isLeftover(name) || name.endsWith(SWAP_SUFFIX);

/**
 * A segment that compaction had decided on (see `replaceSegments`): whatever still stands of those it replaces goes, for good, before it
 * takes its name. Doing it twice does no harm.
 */
async function finishSwap(where: SegmentFiles, baseOffset: number, logger: Logger): Promise<void> {
  const { files, directory } = where;
  const path = join(directory, fileName(baseOffset, "log"));
  const end = endOf(where, path + SWAP_SUFFIX, baseOffset);
  if (end === null) {
    // It was synced before it got its name; if it can't be read the disk has lied, and those it replaces may still be there.
    logger.error({ evt: "swap-unreadable", path }, "a compacted segment is damaged: left aside");
    files.rename(path + SWAP_SUFFIX, `${path}.damaged`);
    return;
  }
  for (const name of files.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed === null || parsed.kind === "snapshot") continue;
    if (parsed.offset >= baseOffset && parsed.offset < Math.max(end, baseOffset + 1))
      await files.remove(join(directory, name));
  }
  await files.syncDirectory(directory);
  for (const kind of SEGMENT_KINDS) {
    const swap = join(directory, fileName(baseOffset, kind) + SWAP_SUFFIX);
    if (files.exists(swap)) files.rename(swap, join(directory, fileName(baseOffset, kind)));
  }
  await files.syncDirectory(directory);
  logger.info({ evt: "swap-finished", path, end }, "finished what compaction had begun");
}

/** The offset after the last batch of a segment's file; null when it holds something else. */
function endOf({ files, pool }: SegmentFiles, path: string, baseOffset: number): number | null {
  const file = files.open(path);
  try {
    const size = file.size();
    const at = { end: baseOffset, position: 0 };
    for (const { batch, position } of walkHeaders(file, pool, { from: 0, to: size })) {
      at.end = batch.nextOffset;
      at.position = position + batch.size;
    }
    return at.position === size ? at.end : null;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    return null;
  } finally {
    file.close();
  }
}

/** Indexes without a segment go. */
async function removeLoneIndexes({ files, directory }: SegmentFiles, names: readonly string[]): Promise<number[]> {
  const found = names.map((name) => ({ name, parsed: parseFileName(name) }));
  const bases = found.filter(({ parsed }) => parsed?.kind === "log").map(({ parsed }) => parsed!.offset);
  const known = new Set(bases);
  for (const { name, parsed } of found)
    if (parsed?.kind.endsWith("index") === true && !known.has(parsed.offset)) await files.remove(join(directory, name));
  return bases;
}
