import type { TreeState } from "../state.ts";
import { TreeState as State } from "../state.ts";
import { Past } from "../past.ts";
import * as answer from "./answer.ts";
import * as history from "./history.ts";
import * as meta from "./meta.ts";
import * as node from "./node.ts";
import * as session from "./session.ts";
import { Node } from "../znode.ts";

export type StoredEntry = readonly [key: Buffer, value: Buffer];

/** All keys of the tree lie in here. */
export const stateRange = { from: Buffer.from([0x40]), below: Buffer.from([0x80]) };

/** The whole state as keys and values in an order that is the same on every node; meta comes first. */
export function entriesOf(state: TreeState): StoredEntry[] {
  const entries: StoredEntry[] = [[meta.key(), meta.encode(metaOf(state))]];
  const sessions = [...state.sessions.values()].toSorted((left, right) => (left.id < right.id ? -1 : 1));
  for (const each of state.under("/", true)) entries.push([node.key(each.path), each.row]);
  for (const each of sessions) entries.push([session.key(each.id), session.encode(each)]);
  for (const each of sessions)
    for (const [sequence, kept] of [...each.answers].toSorted(([left], [right]) => left - right))
      entries.push([answer.key(each.id, sequence), answer.encode({ session: each.id, sequence, answer: kept })]);
  for (const [revision, stored] of state.history.stored()) entries.push([history.key(revision), stored]);
  return entries;
}

export const metaOf = ({ revision, timeMs, history: { oldest } }: TreeState): meta.Meta => ({
  revision,
  timeMs,
  historyOldest: oldest,
});

/** Builds the state from its keys and values in any order. Throws on damage or contradiction. */
export function stateFrom(entries: Iterable<StoredEntry>): TreeState {
  const byTag = new Map<number, StoredEntry[]>();
  for (const entry of entries) {
    const tag = entry[0][0]!;
    const family = byTag.get(tag);
    if (family) family.push(entry);
    else byTag.set(tag, [entry]);
  }
  const family = (tag: number): StoredEntry[] => byTag.get(tag) ?? [];
  const state = new State();
  const first = family(meta.TAG)[0];
  if (first) {
    const { revision, timeMs, historyOldest } = meta.decode(first[1]);
    state.start(revision, timeMs, historyOldest);
  }
  for (const [, value] of family(session.TAG)) {
    const stored = session.decode(value);
    state.sessions.set(stored.id, stored);
  }
  for (const [, value] of family(node.TAG)) state.put(new Node(node.decode(value), value));
  for (const [, value] of family(answer.TAG)) restoreAnswer(state, answer.decode(value));
  restoreHistory(
    state,
    family(history.TAG).map(([, value]) => value),
  );
  state.check();
  return state;
}

/** Goes back revision by revision: what each one made of its nodes is what the one after it found. */
function restoreHistory(state: TreeState, values: readonly Buffer[]): void {
  const stored = values.map((value) => ({ ...history.decode(value), value }));
  stored.sort((left, right) => right.revision - left.revision);
  const past = new Past(state);
  const changes = stored.map(({ revision, by, before, created, value }) => {
    if (revision !== past.revision) throw new Error(`revision ${past.revision} is not stored; ${revision} is`);
    const touched = [...before.map(({ path }) => path), ...created].toSorted();
    const changed = touched.map((path) => past.node(path)).filter((node) => node !== null);
    const deleted = touched.filter((path) => past.node(path) === null);
    past.undo({ before, created });
    return { changes: { revision, changed, deleted, before, by }, value };
  });
  for (const { changes: each, value } of changes.toReversed()) state.history.add(each, value);
}

function restoreAnswer(state: TreeState, stored: answer.StoredAnswer): void {
  const owner = state.sessions.get(stored.session);
  if (!owner) throw new Error(`a stored answer belongs to session ${stored.session}, which is not stored`);
  owner.answers.set(stored.sequence, stored.answer);
}
