import type { TreeState } from "./state.ts";
import type { Node } from "./znode.ts";
import { byPath, nameOf, parentOf } from "./znode.ts";
import type { Author, Changes } from "./history.ts";

/** What applying did to the tree: the nodes to write (parents with new counts among them), the paths to remove, what watches see. */
export type TreeEntry = { revision: number; put: Node[]; removed: string[]; changes: Omit<Changes, "by"> };

/** Completes an entry by who made it; the time of a leader whose clock is behind does not go back. */
export function signed(entry: TreeEntry, by: Author, lastMs: number): Changes {
  return { ...entry.changes, by: { ...by, timeMs: Math.max(by.timeMs, lastMs) } };
}

/** The tree as a multi sees it half way: its own writes over the state, which stays as it is. */
export class Draft {
  readonly revision: number;
  readonly #state: TreeState;
  readonly #written = new Map<string, Node | null>();
  #size: number;

  constructor(state: TreeState) {
    this.#state = state;
    this.revision = state.revision + 1;
    this.#size = state.size;
  }

  get size(): number {
    return this.#size;
  }

  node(path: string): Node | undefined {
    const written = this.#written.get(path);
    return written === undefined ? this.#state.node(path) : (written ?? undefined);
  }

  put(node: Node): void {
    this.#written.set(node.path, node);
  }

  /** Puts a new node and counts it at its parent. */
  add(node: Node): void {
    this.put(node);
    this.#count(node.path, 1);
  }

  /** Removes a node without children and takes it off its parent's count. */
  remove(path: string): void {
    this.#written.set(path, null);
    this.#count(path, -1);
  }

  /** Paths below `path` with children before their parents. */
  below(path: string): string[] {
    const prefix = `${path}/`;
    const paths = this.#state.under(path, true).map((node) => node.path);
    const stored = paths.filter((each) => each !== path && this.#written.get(each) !== null);
    const drafted = [...this.#written].filter(
      ([each, node]) => node && each.startsWith(prefix) && !this.#state.node(each),
    );
    return [...stored, ...drafted.map(([each]) => each)].toSorted().toReversed();
  }

  /** The difference to the state; null when there is none. */
  entry(): TreeEntry | null {
    const put = [...this.#written.values()].filter((node) => node !== null && this.#differs(node)) as Node[];
    const removed = [...this.#written].filter(([path, node]) => node === null && this.#state.node(path) !== undefined);
    if (put.length === 0 && removed.length === 0) return null;
    const deleted = removed.map(([path]) => path).toSorted();
    const changed = put.filter((node) => node.modifiedRevision === this.revision);
    put.sort(byPath);
    changed.sort(byPath);
    const touched = [...changed.map(({ path }) => path), ...deleted];
    const before = touched.flatMap((path) => this.#state.node(path) ?? []).toSorted(byPath);
    const changes = { revision: this.revision, changed, deleted, before };
    return { revision: this.revision, put, removed: deleted, changes };
  }

  /** A parent whose children came and went within the multi is as it was. */
  #differs(node: Node): boolean {
    const before = this.#state.node(node.path);
    if (!before || node.modifiedRevision === this.revision) return true;
    return before.childCount !== node.childCount || before.nextSequence !== node.nextSequence;
  }

  #count(path: string, step: 1 | -1): void {
    this.#size += step;
    const parent = this.node(parentOf(path));
    if (parent && nameOf(path) !== "") this.put(parent.with({ childCount: parent.childCount + step }));
  }
}
