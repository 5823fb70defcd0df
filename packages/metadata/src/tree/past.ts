import type { TreeState } from "./state.ts";
import type { Node } from "./znode.ts";
import { nameOf, parentOf } from "./znode.ts";

/** What undoing a revision needs of it: the nodes it changed as they were, and the paths it created. */
export type Undoing = { before: Node[]; created: string[] };

/** The tree as it was: the state of now with revisions undone, newest first. The state must not change meanwhile. */
export class Past {
  readonly #state: TreeState;
  /** Null: was not there. */
  readonly #nodes = new Map<string, Node | null>();
  /** By how many children a node had more or less; its own version did not change with them. */
  readonly #counts = new Map<string, number>();
  #revision: number;

  constructor(state: TreeState) {
    this.#state = state;
    this.#revision = state.revision;
  }

  get revision(): number {
    return this.#revision;
  }

  node(path: string): Node | null {
    const known = this.#nodes.get(path);
    const node = known === undefined ? (this.#state.node(path) ?? null) : known;
    const more = this.#counts.get(path) ?? 0;
    return node && more !== 0 ? node.with({ childCount: node.childCount + more }) : node;
  }

  /** Names of the children, sorted. */
  children(path: string): string[] {
    const names = new Set(this.#state.children(path));
    for (const [each, node] of this.#nodes) {
      if (each === "/" || parentOf(each) !== path) continue;
      if (node) names.add(nameOf(each));
      else names.delete(nameOf(each));
    }
    return [...names].toSorted();
  }

  /** Undoes the newest revision that is not undone yet. */
  undo({ before, created }: Undoing): void {
    for (const path of created) this.#count(path, -1);
    for (const node of before) if (this.node(node.path) === null) this.#count(node.path, 1);
    for (const path of created) this.#put(path, null);
    for (const node of before) this.#put(node.path, node);
    this.#revision--;
  }

  #put(path: string, node: Node | null): void {
    this.#nodes.set(path, node);
    this.#counts.delete(path);
  }

  #count(path: string, step: 1 | -1): void {
    if (path === "/") return;
    const parent = parentOf(path);
    this.#counts.set(parent, (this.#counts.get(parent) ?? 0) + step);
  }
}

/** A reader of a whole tree asks for one revision again and again. */
const last = new WeakMap<TreeState, { now: number; past: Past }>();

/** The tree at `revision`; null when that is compacted, or still to come. */
export function pastOf(state: TreeState, revision: number): Past | null {
  const undone = revision > state.revision ? null : state.history.after(revision);
  if (!undone) return null;
  const known = last.get(state);
  if (known?.now === state.revision && known.past.revision === revision) return known.past;
  const past = new Past(state);
  for (const changes of undone.toReversed()) {
    const had = new Set(changes.before.map(({ path }) => path));
    const created = changes.changed.filter(({ path }) => !had.has(path)).map(({ path }) => path);
    past.undo({ before: changes.before, created });
  }
  last.set(state, { now: state.revision, past });
  return past;
}
