import type { ReadFrame, ReadLogFrame, ServerFrame, WireLogRow } from "../client/frames.ts";
import { natural, toWireZnode } from "../client/wire.ts";
import { limits } from "../limits.ts";
import type { Changes } from "../tree/history.ts";
import { pastOf } from "../tree/past.ts";
import type { TreeState } from "../tree/state.ts";
import { sees } from "../tree/watches.ts";

/** A node or the names of its children, as they are or as they were. */
export function answerRead(state: TreeState, { number, path, children, revision }: ReadFrame): ServerFrame {
  const tree = revision === undefined ? state : pastOf(state, natural(revision));
  if (!tree) return unreadable(state, number);
  const node = children ? null : tree.node(path);
  const names = children ? tree.children(path) : [];
  return { is: "found", found: { number, children: names, ...(node && { node: toWireZnode(node) }) } };
}

/** One page of who changed what. `last` tells whether there is more; then the last row says where to go on. */
export function answerLog(state: TreeState, frame: ReadLogFrame): ServerFrame {
  const { history } = state;
  const after = frame.afterRevision === undefined ? history.before(natural(frame.sinceMs)) : frame.afterRevision;
  const revisions = after > state.revision ? null : history.after(natural(after));
  if (!revisions) return unreadable(state, frame.number);
  const rows: WireLogRow[] = [];
  const isBeforeCursor = ({ revision, path }: WireLogRow): boolean =>
    frame.afterPath !== "" && revision === after + 1 && path <= frame.afterPath;
  for (const changes of revisions) {
    for (const row of rowsOf(changes)) {
      if (!sees(frame, row.path) || isBeforeCursor(row)) continue;
      if (rows.length === limits.logRowsMax) return logPage(frame.number, rows, false);
      rows.push(row);
    }
  }
  return logPage(frame.number, rows, true);
}

function logPage(number: number, rows: WireLogRow[], last: boolean): ServerFrame {
  return { is: "logPage", logPage: { number, rows, last } };
}

/** The revision lies outside of what can be read; says from where to where that is (RELIABILITY C-07). */
function unreadable({ history, revision }: TreeState, number: number): ServerFrame {
  return { is: "unreadable", unreadable: { number, oldest: history.oldest, newest: revision } };
}

function rowsOf({ revision, by, changed, deleted, before }: Changes): WireLogRow[] {
  const { timeMs, session, name } = by;
  const had = new Map(before.map((node) => [node.path, node]));
  const who = { revision, timeMs, session: session ?? "", name };
  const gone = by.cause === "close" ? "closed" : by.cause === "expire" ? "expired" : "deleted";
  const rows = [
    ...changed.map((node) => {
      const kind = had.get(node.path)?.createdRevision === node.createdRevision ? "set" : "created";
      return { ...who, kind, path: node.path, version: node.version };
    }),
    ...deleted.map((path) => ({ ...who, kind: gone, path, version: had.get(path)!.version })),
  ];
  return rows.toSorted((left, right) => (left.path < right.path ? -1 : 1));
}
