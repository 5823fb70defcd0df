import { integerBelow, type Random } from "../random.ts";

type Change = { is: "write"; position: number; bytes: Buffer } | { is: "truncate"; size: number };

/** The bytes of one file: what programs see, and what would be there after power loss. */
export class MemoryInode {
  readonly #seen = new Content();
  /** As of the last sync: what is seen without the unsynced changes. */
  readonly #durable = new Content();
  #unsynced: Change[] = [];
  /** Changes ever synced; marks count from the first change on. */
  #syncedCount = 0;

  get size(): number {
    return this.#seen.size;
  }

  bytes(): Buffer {
    return this.#seen.bytes();
  }

  write(bytes: Buffer, position: number): void {
    this.#change({ is: "write", position, bytes: Buffer.from(bytes) });
  }

  truncate(size: number): void {
    this.#change({ is: "truncate", size });
  }

  /** Names the state of now, for a sync that ends later. */
  mark(): number {
    return this.#syncedCount + this.#unsynced.length;
  }

  sync(mark: number): void {
    const now = this.#unsynced.splice(0, Math.max(0, mark - this.#syncedCount));
    for (const change of now) this.#durable.apply(change);
    this.#syncedCount += now.length;
  }

  /** The changes until `mark` are seen as long as the machine runs, and never synced: what Linux does with pages after a failed fsync. */
  forget(mark: number): void {
    this.#syncedCount += this.#unsynced.splice(0, Math.max(0, mark - this.#syncedCount)).length;
  }

  /** Keeps all, nothing, a torn prefix or any subset of the changes since the last sync (pages reach a disk in any order). */
  crash(random: Random, { sizesFirst }: { sizesFirst: boolean }): void {
    const { size } = this;
    const fate = integerBelow(random, 4);
    const kept =
      fate === 0
        ? []
        : fate === 1
          ? this.#unsynced
          : fate === 2
            ? tornPrefix(this.#unsynced, random)
            : this.#unsynced.filter(() => random.next() < 0.5);
    for (const change of kept) this.#durable.apply(change);
    if (sizesFirst) this.#durable.apply({ is: "truncate", size });
    this.#seen.become(this.#durable);
    this.#unsynced = [];
  }

  /** Another file with the same past. */
  copy(): MemoryInode {
    const copy = new MemoryInode();
    copy.#seen.become(this.#seen);
    copy.#durable.become(this.#durable);
    copy.#unsynced = [...this.#unsynced];
    copy.#syncedCount = this.#syncedCount;
    return copy;
  }

  #change(change: Change): void {
    this.#seen.apply(change);
    this.#unsynced.push(change);
  }
}

/** Bytes that grow; behind their end the buffer is zero. */
class Content {
  #bytes = Buffer.alloc(0);
  size = 0;

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  apply(change: Change): void {
    const size = change.is === "truncate" ? change.size : Math.max(this.size, change.position + change.bytes.length);
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(size, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.size);
      this.#bytes = grown;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    if (change.is === "write") change.bytes.copy(this.#bytes, change.position);
    this.size = size;
  }

  become(other: Content): void {
    this.#bytes = Buffer.from(other.bytes());
    this.size = other.size;
  }
}

function tornPrefix(changes: readonly Change[], random: Random): Change[] {
  const kept = changes.slice(0, integerBelow(random, changes.length + 1));
  const last = kept.pop();
  if (last === undefined) return kept;
  if (last.is === "write")
    kept.push({ ...last, bytes: last.bytes.subarray(0, integerBelow(random, last.bytes.length + 1)) });
  return kept;
}

type Node = MemoryInode | MemoryDirectory;
/** Names set or (null) removed in one step. */
type Entries = [name: string, node: Node | null][];

export class MemoryDirectory {
  readonly entries = new Map<string, Node>();
  #durable = new Map<string, Node>();
  #unsynced: Entries[] = [];

  change(entries: Entries): void {
    put(this.entries, entries);
    this.#unsynced.push(entries);
  }

  sync(): void {
    this.#durable = new Map(this.entries);
    this.#unsynced = [];
  }

  /** Keeps a prefix of the changes since the last sync: file systems journal names in order. */
  crash(random: Random, options: { sizesFirst: boolean }): void {
    for (const change of this.#unsynced.slice(0, integerBelow(random, this.#unsynced.length + 1)))
      put(this.#durable, change);
    this.entries.clear();
    for (const [name, node] of this.#durable) {
      this.entries.set(name, node);
      node.crash(random, options);
    }
    this.#unsynced = [];
  }

  /** Another directory with the same past. `copied`: a node that goes by two names stays one. */
  copy(copied = new Map<Node, Node>()): MemoryDirectory {
    const copyOf = (node: Node): Node => {
      const known = copied.get(node) ?? (node instanceof MemoryInode ? node.copy() : node.copy(copied));
      copied.set(node, known);
      return known;
    };
    const copy = new MemoryDirectory();
    for (const [name, node] of this.entries) copy.entries.set(name, copyOf(node));
    for (const [name, node] of this.#durable) copy.#durable.set(name, copyOf(node));
    copy.#unsynced = this.#unsynced.map((entries) => entries.map(([name, node]) => [name, node && copyOf(node)]));
    return copy;
  }

  /** Bytes of all files under here. */
  size(): number {
    let bytes = 0;
    for (const node of this.entries.values()) bytes += node instanceof MemoryInode ? node.size : node.size();
    return bytes;
  }
}

function put(into: Map<string, Node>, entries: Entries): void {
  for (const [name, node] of entries) {
    if (node === null) into.delete(name);
    else into.set(name, node);
  }
}
