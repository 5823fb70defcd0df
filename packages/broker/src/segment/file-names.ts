/** A file of a log directory: `%020d` of an offset, then what it holds. */
export type FileKind = "log" | "index" | "timeindex" | "txnindex" | "snapshot";

const NAME = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)$/;

/** Renamed to this before it is removed in the background; removed at start if a crash left it. */
export const DELETED_SUFFIX = ".deleted";

export const fileName = (offset: number, kind: FileKind): string => `${String(offset).padStart(20, "0")}.${kind}`;

export function parseFileName(name: string): { offset: number; kind: FileKind } | null {
  const match = NAME.exec(name);
  return match === null ? null : { offset: Number(match[1]), kind: match[2] as FileKind };
}
