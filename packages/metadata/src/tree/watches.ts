import type { WatchEvent } from "../client/types.ts";
import type { Changes } from "./history.ts";
import { isUnder } from "./znode.ts";

export type WatchRange = { path: string; recursive: boolean };

/** Whether a watch, or a reader of the log, sees `path`. */
export function sees({ path: top, recursive }: WatchRange, path: string): boolean {
  return recursive ? isUnder(path, top) : path === top;
}

/** The part of a revision that a watch sees; null when it sees none of it. */
export function seenBy(range: WatchRange, changes: Changes): Extract<WatchEvent, { is: "changes" }> | null {
  const changed = changes.changed.filter((node) => sees(range, node.path));
  const deleted = changes.deleted.filter((path) => sees(range, path));
  if (changed.length === 0 && deleted.length === 0) return null;
  return { is: "changes", revision: changes.revision, changed, deleted };
}
