import { assert } from "../assert.ts";
import type { Kv, KvRange, KvWrite } from "../kv.ts";
import { integerBelow, type Random } from "../random.ts";

export type MemoryKvOptions = {
  /** Runs `run` when the disk has done a batch; at once when not given. Batches end in the order they were given. */
  disk?: (batch: { sync: boolean; bytes: number }, run: () => void) => void;
  rows?: ReadonlyMap<string, Buffer>;
};

/** A write by the name of its row; null deletes it. */
type Named = { name: string; value: Buffer | null };

type Waiting = {
  writes: readonly Named[];
  sync: boolean;
  settle: { done: () => void; failed: (error: Error) => void };
};

/**
 * The port to a key-value store in memory, with what a store on a disk does at its worst: power loss keeps only a prefix of the batches
 * that were not synced, writes fail, rows rot.
 */
export class MemoryKv implements Kv {
  /** By key as a latin-1 string, which compare as their bytes do. Values are ours alone: they are copied on their way in and out. */
  readonly #rows: Map<string, Buffer>;
  #sorted: string[] | null = null;
  readonly #durable: Map<string, Buffer>;
  #unsynced: (readonly Named[])[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #disk: NonNullable<MemoryKvOptions["disk"]>;
  readonly #faults: Error[] = [];
  #closed = false;
  /** As long as it is full, every batch fails and does nothing. */
  isFull = false;

  constructor(options: MemoryKvOptions = {}) {
    this.#rows = new Map(options.rows);
    this.#durable = new Map(options.rows);
    this.#disk = options.disk ?? ((_batch, run) => run());
  }

  batch(writes: readonly KvWrite[], options: { sync: boolean }): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the store is closed"));
    return new Promise((done, failed) => {
      this.#waiting.push({ writes: writes.map(named), sync: options.sync, settle: { done, failed } });
      if (this.#waiting.length === 1) this.#next();
    });
  }

  get(key: Buffer): Buffer | undefined {
    assert(!this.#closed, "the store is closed");
    const found = this.#rows.get(key.toString("latin1"));
    return found && Buffer.from(found);
  }

  async *range(range: KvRange): AsyncIterable<readonly [key: Buffer, value: Buffer]> {
    const keys = this.#keys(range);
    const rows = keys.map((key) => [Buffer.from(key, "latin1"), Buffer.from(this.#rows.get(key)!)] as const);
    for (const row of rows) {
      await Promise.resolve();
      yield row;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** The next batch fails and does nothing. */
  failNextBatch(error = new Error("EIO: injected")): void {
    this.#faults.push(error);
  }

  /** Takes back the failures that have not happened yet. */
  mend(): void {
    this.#faults.length = 0;
  }

  /** Changes or (undefined) loses a row behind the store's back, as a rotten block does. */
  rot(key: Buffer, change: (value: Buffer) => Buffer | undefined): void {
    const name = key.toString("latin1");
    const value = this.#rows.get(name);
    assert(value, "only a row that is there can rot");
    const changed = change(Buffer.from(value));
    for (const rows of [this.#rows, this.#durable])
      if (changed) rows.set(name, changed);
      else rows.delete(name);
    this.#sorted = null;
  }

  /** Keys present now, in order. */
  keys(): Buffer[] {
    return this.#inOrder().map((key) => Buffer.from(key, "latin1"));
  }

  /**
   * Power loss: this store is dead, its open batches never end. Returns what a store opened on the same disk finds: everything synced and
   * a prefix of the rest, chosen by `random`; none of the rest without one.
   */
  crash(random?: Random): ReadonlyMap<string, Buffer> {
    this.#closed = true;
    const rest = [...this.#unsynced, ...this.#waiting.map((waiting) => waiting.writes)];
    this.#waiting.length = 0;
    const kept = random ? integerBelow(random, rest.length + 1) : 0;
    for (const writes of rest.slice(0, kept)) apply(this.#durable, writes);
    return this.#durable;
  }

  #next(): void {
    const current = this.#waiting[0];
    if (!current) return;
    const bytes = current.writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    this.#disk({ sync: current.sync, bytes }, () => {
      if (this.#waiting[0] !== current) return;
      this.#waiting.shift();
      const fault = this.#faults.shift() ?? (this.isFull ? noSpace() : undefined);
      if (fault) current.settle.failed(fault);
      else {
        this.#done(current);
        current.settle.done();
      }
      this.#next();
    });
  }

  #done(batch: Waiting): void {
    if (apply(this.#rows, batch.writes)) this.#sorted = null;
    this.#unsynced.push(batch.writes);
    if (!batch.sync) return;
    for (const writes of this.#unsynced) apply(this.#durable, writes);
    this.#unsynced = [];
  }

  #inOrder(): string[] {
    this.#sorted ??= [...this.#rows.keys()].toSorted();
    return this.#sorted;
  }

  #keys(range: KvRange): string[] {
    const from = range.from.toString("latin1");
    const below = range.below.toString("latin1");
    const keys = this.#inOrder().filter((key) => key >= from && key < below);
    if (range.reverse) keys.reverse();
    return keys.slice(0, range.limit ?? keys.length);
  }
}

const noSpace = (): Error => Object.assign(new Error("ENOSPC: as a full disk says"), { code: "ENOSPC" });

const named = (write: KvWrite): Named => ({
  name: write.key.toString("latin1"),
  value: write.is === "put" ? Buffer.from(write.value) : null,
});

/** True when the set of keys changed. */
function apply(rows: Map<string, Buffer>, writes: readonly Named[]): boolean {
  let changed = false;
  for (const { name, value } of writes) {
    if (value === null) changed = rows.delete(name) || changed;
    else {
      changed ||= !rows.has(name);
      rows.set(name, value);
    }
  }
  return changed;
}
