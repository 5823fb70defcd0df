import type { KvWrite } from "@odradek/kit";
import { kept } from "./bytes.ts";
import { signed, type TreeEntry } from "./draft.ts";
import type { Author, Changes } from "./history.ts";
import * as history from "./keys/history.ts";
import * as meta from "./keys/meta.ts";
import * as node from "./keys/node.ts";
import { metaOf } from "./keys/state.ts";
import type { TreeState } from "./state.ts";

/** The only place where a revision changes the tree. Returns what a store keeps of it, in one batch with the applied index (RELIABILITY R-14). */
export function replay(state: TreeState, entry: TreeEntry, by: Author): { changes: Changes; writes: KvWrite[] } {
  const changes = signed(entry, by, state.timeMs);
  state.advance(entry.revision, changes.by.timeMs);
  // Children leave before their parents, parents come before their children.
  for (const path of entry.removed.toReversed()) state.remove(path);
  for (const each of entry.put) state.put(each);
  const stored = kept(history.encode(changes));
  const dropped = state.history.add(changes, stored);
  const writes: KvWrite[] = [
    { is: "put", key: meta.key(), value: meta.encode(metaOf(state)) },
    ...entry.put.map((each): KvWrite => ({ is: "put", key: node.key(each.path), value: node.encode(each) })),
    ...entry.removed.map((path): KvWrite => ({ is: "delete", key: node.key(path) })),
    ...dropped.map((old): KvWrite => ({ is: "delete", key: history.key(old) })),
    { is: "put", key: history.key(entry.revision), value: stored },
  ];
  return { changes, writes };
}

/** Forgets the past before revision `through`; what is forgotten must not come back with a restart. */
export function forget(state: TreeState, through: number): KvWrite[] {
  const dropped = state.history.compact(through);
  if (dropped.length === 0) return [];
  return [
    { is: "put", key: meta.key(), value: meta.encode(metaOf(state)) },
    ...dropped.map((old): KvWrite => ({ is: "delete", key: history.key(old) })),
  ];
}
