/** A file of a log directory: `%020d` of an offset, then what it holds. */
export type FileKind = "log" | "index" | "timeindex" | "txnindex" | "snapshot";

const NAME = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)$/;

/** The files of one segment, the one that decides whether there is a segment last. */
export const SEGMENT_KINDS: readonly FileKind[] = ["index", "timeindex", "txnindex", "log"];

/** Renamed to this before it is removed in the background; removed at start if a crash left it. */
export const DELETED_SUFFIX = ".deleted";

/** What compaction has written and not yet decided on; removed at start. */
export const CLEANED_SUFFIX = ".cleaned";

/** A whole segment that stands for all segments its offsets span: a start puts it in their place. */
export const SWAP_SUFFIX = ".swap";

export const fileName = (offset: number, kind: FileKind): string => `${String(offset).padStart(20, "0")}.${kind}`;

export function parseFileName(name: string): { offset: number; kind: FileKind } | null {
  const match = NAME.exec(name);
  return match === null ? null : { offset: Number(match[1]), kind: match[2] as FileKind };
}
