import type { KvWrite } from "@odradek/kit";
import type { TreeEntry } from "./draft.ts";
import * as history from "./keys/history.ts";
import * as meta from "./keys/meta.ts";
import * as node from "./keys/node.ts";
import type { TreeState } from "./state.ts";

/** The only place where a revision changes the tree. Returns what a store keeps of it, in one batch with the applied index (RELIABILITY R-14). */
export function replay(state: TreeState, entry: TreeEntry): KvWrite[] {
  state.advance(entry.revision);
  // Children leave before their parents, parents come before their children.
  for (const path of entry.removed.toReversed()) state.remove(path);
  for (const each of entry.put) state.put(each);
  const kept = Buffer.from(history.encode(entry.changes));
  const dropped = state.history.add(entry.changes, kept);
  const { revision } = state;
  return [
    { is: "put", key: meta.key(), value: meta.encode({ revision, historyOldest: state.history.oldest }) },
    ...entry.put.map((each): KvWrite => ({ is: "put", key: node.key(each.path), value: node.encode(each) })),
    ...entry.removed.map((path): KvWrite => ({ is: "delete", key: node.key(path) })),
    ...dropped.map((old): KvWrite => ({ is: "delete", key: history.key(old) })),
    { is: "put", key: history.key(revision), value: kept },
  ];
}
