import type { StateRow } from "../store/write.ts";
import { fromBytes } from "./bytes.ts";
import { signed, type TreeEntry } from "./draft.ts";
import type { Author, Changes, Dropped } from "./history.ts";
import * as history from "./keys/history.ts";
import * as meta from "./keys/meta.ts";
import * as node from "./keys/node.ts";
import { metaOf } from "./keys/state.ts";
import type { TreeState } from "./state.ts";

/** The only place where a revision changes the tree. Returns what a store keeps of it, in one batch with the applied index (RELIABILITY R-14). */
export function replay(state: TreeState, entry: TreeEntry, by: Author): { changes: Changes; writes: StateRow[] } {
  const changes = signed(entry, by, state.timeMs);
  state.advance(entry.revision, changes.by.timeMs);
  // Children leave before their parents, parents come before their children.
  for (const path of entry.removed.toReversed()) state.remove(path);
  const put = entry.put.map((each): StateRow => {
    const row: StateRow = { is: "put", key: node.key(each.path), value: each.row };
    return state.node(each.path) ? row : { ...row, before: null };
  });
  for (const each of entry.put) state.put(each);
  const stored = history.encode(changes);
  const dropped = state.history.add(changes, stored);
  const writes: StateRow[] = [
    { is: "put", key: meta.key(), value: meta.encode(metaOf(state)) },
    ...put,
    ...entry.removed.map((path): StateRow => ({ is: "delete", key: node.key(path) })),
    ...dropped.map(forgotten),
    { is: "put", key: history.key(entry.revision), value: stored, before: null },
  ];
  return { changes, writes };
}

/** Forgets the past before revision `through`; what is forgotten must not come back with a restart. */
export function forget(state: TreeState, through: number): StateRow[] {
  const dropped = state.history.compact(through);
  if (dropped.length === 0) return [];
  return [{ is: "put", key: meta.key(), value: meta.encode(metaOf(state)) }, ...dropped.map(forgotten)];
}

const forgotten = ({ revision, stored }: Dropped): StateRow => ({
  is: "delete",
  key: history.key(revision),
  before: fromBytes(stored),
});
