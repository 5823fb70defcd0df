import { assert, type Clock } from "@odradek/kit";
import type {
  Failure,
  Operation,
  Outcome,
  Session,
  Watch,
  WatchEvent,
  WatchOptions,
  Znode,
} from "@odradek/metadata/client";

type Changes = { changed: Map<string, Znode>; deleted: Set<string> };
type Watcher = { options: WatchOptions; session: string; events: WatchEvent[]; wake: () => void; isOpen: boolean };

const BOOKMARK_MS = 500;

const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/"))) || "/";
const isBelow = (path: string, folder: string): boolean =>
  folder === "/" ? path !== "/" : path.startsWith(`${folder}/`);

/** The coordination store in memory: what several brokers of one process share in tests. Its sessions end only when told to. */
export class MemoryTree {
  #revision = 0;
  #nodes = new Map<string, Znode>();
  readonly #counters = new Map<string, number>();
  readonly #history: { revision: number; changes: Changes }[] = [];
  readonly #sessions = new Map<string, MemorySession>();
  readonly #watchers = new Set<Watcher>();
  #nextSession = 1;

  /** `clock` times the bookmarks, by which clients know that the store is alive. */
  constructor(clock: Clock) {
    const bookmark = (): void => {
      for (const watcher of this.#watchers) {
        watcher.events.push({ is: "bookmark", revision: this.#revision });
        watcher.wake();
      }
      clock.timer(BOOKMARK_MS, bookmark);
    };
    clock.timer(BOOKMARK_MS, bookmark);
    this.#put("/", Buffer.alloc(0), 1, null);
    const folders = [
      "/cluster",
      "/brokers",
      "/brokers/ids",
      "/brokers/known",
      "/topics",
      "/config",
      "/config/topics",
      "/config/brokers",
    ];
    const first: [path: string, data: string][] = [
      ...folders.map((path): [string, string] => [path, ""]),
      ["/cluster/id", "memory-cluster-id-0001"],
      ["/controller-epoch", '{"epoch":0}'],
      ["/producer-ids", '{"next":0}'],
    ];
    this.apply(
      first.map(([path, data]) => ({ is: "create", path, data: Buffer.from(data) })),
      "first nodes",
    );
  }

  /** False: too little disk space is left, and new persistent nodes are refused. */
  hasRoom = true;

  get revision(): number {
    return this.#revision;
  }

  open(): MemorySession {
    const session = new MemorySession(this, `session-${this.#nextSession++}`);
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Ends a session as the store does after a silence: its ephemeral nodes vanish in one revision. */
  end(id: string, how: "expired" | "closed"): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    const owned = [...this.#nodes.values()].filter((node) => node.owner === id);
    if (owned.length > 0)
      this.apply(
        owned.map((node) => ({ is: "delete", path: node.path, version: "any" })),
        id,
      );
    for (const watcher of this.#watchers) if (watcher.session === id) this.#shut(watcher);
    session.markEnded(how);
  }

  has(session: string): boolean {
    return this.#sessions.has(session);
  }

  node(path: string): Znode | null {
    return this.#nodes.get(path) ?? null;
  }

  nodes(): Znode[] {
    return [...this.#nodes.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  apply(operations: readonly Operation[], session: string): Outcome {
    const nodes = new Map(this.#nodes);
    const changes: Changes = { changed: new Map(), deleted: new Set() };
    const results: { path: string; version: number }[] = [];
    const revision = this.#revision + 1;
    const before = this.#nodes;
    this.#nodes = nodes;
    for (const [at, operation] of operations.entries()) {
      const result = this.#one(operation, session, revision, changes);
      if (typeof result === "string") {
        this.#nodes = before;
        return { is: "failed", at, failure: result, path: operation.path };
      }
      results.push(result);
    }
    if (changes.changed.size === 0 && changes.deleted.size === 0)
      return { is: "done", revision: this.#revision, results };
    this.#revision = revision;
    this.#history.push({ revision, changes });
    for (const watcher of this.#watchers) this.#tell(watcher, revision, changes);
    return { is: "done", revision, results };
  }

  watch(session: string, options: WatchOptions): Watch {
    const watcher: Watcher = { options, session, events: [], wake: () => {}, isOpen: true };
    this.#watchers.add(watcher);
    if (options.fromRevision === undefined) {
      const nodes = this.nodes().filter(({ path }) => path === options.path || isBelow(path, options.path));
      watcher.events.push({ is: "snapshot", revision: this.#revision, nodes });
    } else
      for (const { revision, changes } of this.#history)
        if (revision > options.fromRevision) this.#tell(watcher, revision, changes);
    const shut = (): void => this.#shut(watcher);
    return { close: shut, [Symbol.asyncIterator]: () => eventsOf(watcher) };
  }

  #shut(watcher: Watcher): void {
    watcher.isOpen = false;
    this.#watchers.delete(watcher);
    watcher.wake();
  }

  #tell(watcher: Watcher, revision: number, { changed, deleted }: Changes): void {
    const sees = (path: string): boolean =>
      path === watcher.options.path || (watcher.options.recursive && isBelow(path, watcher.options.path));
    const seen = [...changed.values()].filter(({ path }) => sees(path));
    const gone = [...deleted].filter((path) => sees(path));
    if (seen.length + gone.length === 0) watcher.events.push({ is: "bookmark", revision });
    else watcher.events.push({ is: "changes", revision, changed: seen, deleted: gone });
    watcher.wake();
  }

  #put(path: string, data: Buffer, revision: number, owner: string | null): Znode {
    const before = this.#nodes.get(path);
    const node: Znode = {
      path,
      data,
      version: (before?.version ?? 0) + 1,
      createdRevision: before?.createdRevision ?? revision,
      modifiedRevision: revision,
      owner,
      childCount: before?.childCount ?? 0,
    };
    this.#nodes.set(path, node);
    return node;
  }

  #one(
    operation: Operation,
    session: string,
    revision: number,
    changes: Changes,
  ): Failure | { path: string; version: number } {
    const { path } = operation;
    const node = this.#nodes.get(path);
    switch (operation.is) {
      case "check":
        return node
          ? node.version === operation.version
            ? { path, version: node.version }
            : "BAD_VERSION"
          : "NO_NODE";
      case "checkAbsent":
        return node ? "NODE_EXISTS" : { path, version: 0 };
      case "create": {
        const parent = parentOf(path);
        if (!this.#nodes.has(parent)) return "NO_PARENT";
        const number = this.#counters.get(parent) ?? 0;
        const full = operation.sequential ? `${path}${String(number).padStart(10, "0")}` : path;
        if (this.#nodes.has(full)) return "NODE_EXISTS";
        if (operation.sequential) this.#counters.set(parent, number + 1);
        changes.changed.set(full, this.#put(full, operation.data, revision, operation.ephemeral ? session : null));
        return { path: full, version: 1 };
      }
      case "set": {
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        const next = this.#put(path, operation.data, revision, operation.ephemeral ? session : node.owner);
        changes.changed.set(path, next);
        return { path, version: next.version };
      }
      case "delete": {
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        const below = [...this.#nodes.keys()].filter((other) => isBelow(other, path));
        if (below.length > 0 && !operation.recursive) return "NOT_EMPTY";
        for (const gone of [...below, path]) {
          this.#nodes.delete(gone);
          changes.changed.delete(gone);
          changes.deleted.add(gone);
        }
        return { path, version: 0 };
      }
    }
  }
}

async function* eventsOf(watcher: Watcher): AsyncGenerator<WatchEvent, void, void> {
  while (watcher.isOpen) {
    const event = watcher.events.shift();
    if (event) yield event;
    else await new Promise<void>((resolve) => (watcher.wake = resolve));
  }
}

/** One client of a `MemoryTree`. */
export class MemorySession implements Session {
  readonly id: string;
  readonly ended: Promise<"expired" | "closed">;
  readonly #tree: MemoryTree;
  #markEnded: (how: "expired" | "closed") => void = () => {};
  /** Runs before every transaction: tests let others act in between, or make the outcome unknown by throwing. */
  beforeMulti: (operations: readonly Operation[]) => Promise<void> = () => Promise.resolve();

  constructor(tree: MemoryTree, id: string) {
    this.id = id;
    this.#tree = tree;
    this.ended = new Promise((resolve) => (this.#markEnded = resolve));
  }

  get connected(): boolean {
    return this.#tree.has(this.id);
  }

  markEnded(how: "expired" | "closed"): void {
    assert(!this.#tree.has(this.id), "the tree has forgotten the session");
    this.#markEnded(how);
  }

  async get(path: string): Promise<Znode | null> {
    this.#live();
    return Promise.resolve(this.#tree.node(path));
  }

  async exists(path: string): Promise<boolean> {
    return (await this.get(path)) !== null;
  }

  async children(path: string): Promise<string[]> {
    this.#live();
    const below = this.#tree.nodes().filter((node) => node.path !== "/" && parentOf(node.path) === path);
    return Promise.resolve(below.map((node) => node.path.slice(node.path.lastIndexOf("/") + 1)));
  }

  async multi(operations: Operation[]): Promise<Outcome> {
    this.#live();
    await this.beforeMulti(operations);
    const [first] = operations;
    const isGrowth = operations.some((one) => one.is === "create" && one.ephemeral !== true);
    if (!this.#tree.hasRoom && isGrowth) return { is: "failed", at: 0, failure: "NO_SPACE", path: first!.path };
    return this.#tree.has(this.id) ? this.#tree.apply(operations, this.id) : { is: "unknown" };
  }

  create(path: string, data: Buffer, options: { ephemeral?: boolean; sequential?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "create", path, data, ...options }]);
  }

  set(path: string, data: Buffer, version: number | "any"): Promise<Outcome> {
    return this.multi([{ is: "set", path, data, version }]);
  }

  delete(path: string, version: number | "any", options: { recursive?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "delete", path, version, ...options }]);
  }

  watch(options: WatchOptions): Watch {
    return this.#tree.watch(this.id, options);
  }

  /** Nobody knocks: these sessions end when they are told to. */
  reachableAt(): void {}

  async close(): Promise<void> {
    this.#tree.end(this.id, "closed");
    await this.ended;
  }

  /** Ends the session as a silence does. */
  expire(): void {
    this.#tree.end(this.id, "expired");
  }

  #live(): void {
    if (!this.#tree.has(this.id)) throw new Error(`session ${this.id} has ended`);
  }
}
