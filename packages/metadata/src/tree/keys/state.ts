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
export function* entriesOf(state: TreeState): Generator<StoredEntry, void, void> {
  yield [meta.key(), meta.encode(metaOf(state))];
  const sessions = [...state.sessions.values()].toSorted((left, right) => (left.id < right.id ? -1 : 1));
  for (const each of state.under("/", true)) yield [node.key(each.path), each.row];
  for (const each of sessions) yield [session.key(each.id), session.encode(each)];
  for (const each of sessions)
    for (const [sequence, kept] of [...each.answers].toSorted(([left], [right]) => left - right))
      yield [answer.key(each.id, sequence), answer.encode({ session: each.id, sequence, answer: kept })];
  for (const [revision, stored] of state.history.stored()) yield [history.key(revision), stored];
}

export const metaOf = ({ revision, timeMs, history: { oldest } }: TreeState): meta.Meta => ({
  revision,
  timeMs,
  historyOldest: oldest,
});

/** Builds the state from its rows, which come in any order. Nodes are made as they come, so that the rows of a large tree are never all in memory. */
export class StateBuilder {
  #damage: { error: unknown } | null = null;
  readonly #state = new State();
  readonly #nodes: Node[] = [];
  readonly #answers: answer.StoredAnswer[] = [];
  readonly #revisions: Buffer[] = [];

  /** Damage is told at the end. */
  add(key: Buffer, value: Buffer): void {
    try {
      if (!this.#damage) this.#take(key, value);
    } catch (error) {
      this.#damage = { error };
    }
  }

  #take(key: Buffer, value: Buffer): void {
    switch (key[0]) {
      case meta.TAG: {
        const { revision, timeMs, historyOldest } = meta.decode(value);
        return this.#state.start(revision, timeMs, historyOldest);
      }
      case node.TAG:
        this.#nodes.push(new Node(node.decode(value), value));
        return;
      case session.TAG: {
        const stored = session.decode(value);
        this.#state.sessions.set(stored.id, stored);
        return;
      }
      case answer.TAG:
        this.#answers.push(answer.decode(value));
        return;
      case history.TAG:
        this.#revisions.push(value);
        return;
      default:
    }
  }

  /** Throws on damage or contradiction. */
  state(): TreeState {
    if (this.#damage) throw this.#damage.error;
    for (const each of this.#nodes) this.#state.put(each);
    for (const each of this.#answers) restoreAnswer(this.#state, each);
    restoreHistory(this.#state, this.#revisions);
    this.#state.check();
    return this.#state;
  }
}

/** Builds the state from all its rows. Throws on damage or contradiction. */
export function stateFrom(entries: Iterable<StoredEntry>): TreeState {
  const builder = new StateBuilder();
  for (const entry of entries) builder.add(...entry);
  return builder.state();
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
