import { assert } from "@odradek/kit";
import type { SessionState } from "./sessions.ts";
import type { Node } from "./znode.ts";
import { byPath, isUnder, nameOf, parentOf, ROOT } from "./znode.ts";
import { History } from "./history.ts";

/** The replicated state: nodes, sessions and recent history at one revision. */
export class TreeState {
  #revision = 0;
  #timeMs = 0;
  #history = new History();
  readonly #nodes = new Map<string, Node>([[ROOT.path, ROOT]]);
  readonly #names = new Map<string, Set<string>>();
  readonly sessions = new Map<string, SessionState>();

  /** Number of the last change of the tree; opening a session is none. */
  get revision(): number {
    return this.#revision;
  }

  /** When the last change was proposed, by the wall clocks of leaders; never goes back. */
  get timeMs(): number {
    return this.#timeMs;
  }

  get history(): History {
    return this.#history;
  }

  /** Nodes, the root among them. */
  get size(): number {
    return this.#nodes.size;
  }

  node(path: string): Node | undefined {
    return this.#nodes.get(path);
  }

  /** Names of the children, sorted. */
  children(path: string): string[] {
    return [...(this.#names.get(path) ?? [])].toSorted();
  }

  /** The node and everything below it, sorted by path. */
  under(path: string, recursive: boolean): Node[] {
    const top = this.#nodes.get(path);
    if (!top) return [];
    if (!recursive) return [top];
    if (path === "/") return [...this.#nodes.values()].toSorted(byPath);
    const found: Node[] = [];
    const open = [top];
    for (let node = open.pop(); node; node = open.pop()) {
      found.push(node);
      for (const name of this.#names.get(node.path) ?? []) open.push(this.#nodes.get(`${node.path}/${name}`)!);
    }
    return found.toSorted(byPath);
  }

  /** Writes one node and keeps its session's list of ephemeral nodes right. */
  put(node: Node): void {
    const before = this.#nodes.get(node.path);
    this.#nodes.set(node.path, node);
    if (!before) this.#namesOf(parentOf(node.path)).add(nameOf(node.path));
    if (before?.owner === node.owner) return;
    if (before?.owner) this.sessions.get(before.owner)?.owned.delete(node.path);
    if (node.owner === null) return;
    const owner = this.sessions.get(node.owner);
    assert(owner, `the owner of ${node.path} is a session (RELIABILITY C-05)`);
    owner.owned.add(node.path);
  }

  remove(path: string): void {
    const node = this.#nodes.get(path);
    assert(node && path !== "/", `${path} can be removed`);
    if (node.owner) this.sessions.get(node.owner)?.owned.delete(path);
    this.#nodes.delete(path);
    const siblings = this.#names.get(parentOf(path));
    siblings?.delete(nameOf(path));
    if (siblings?.size === 0) this.#names.delete(parentOf(path));
  }

  advance(revision: number, timeMs: number): void {
    assert(revision === this.#revision + 1, "revisions have no gap");
    assert(timeMs >= this.#timeMs, "times of revisions do not go back");
    this.#revision = revision;
    this.#timeMs = timeMs;
  }

  /** Sets what a stored state says instead of having counted it. */
  start(revision: number, timeMs: number, historyOldest: number): void {
    this.#revision = revision;
    this.#timeMs = timeMs;
    this.#history = new History(historyOldest);
  }

  /** Throws when the parts contradict each other: every node has its parent, every owner is a session. */
  check(): void {
    for (const node of this.#nodes.values()) {
      assert(node.path === "/" || this.#nodes.has(parentOf(node.path)), `${node.path} has a parent`);
      assert(node.childCount === (this.#names.get(node.path)?.size ?? 0), `${node.path} counts its children`);
      assert(node.owner === null || this.sessions.get(node.owner)?.owned.has(node.path), `${node.path} has its owner`);
      assert(node.modifiedRevision <= this.#revision, `${node.path} is not from the future`);
    }
    for (const session of this.sessions.values())
      for (const path of session.owned) assert(isUnder(path, "/") && this.#nodes.has(path), `${path} is there`);
    assert(this.#history.newest === this.#revision, "the history reaches to now");
  }

  #namesOf(path: string): Set<string> {
    let names = this.#names.get(path);
    if (!names) this.#names.set(path, (names = new Set()));
    return names;
  }
}
