import { assert, type Kv, type KvWrite } from "@odradek/kit";

import { beginning, type Position } from "./entry.ts";
import type { HardState, Write, StateRow } from "./write.ts";
import { applied } from "./keys/applied.ts";
import { hardState } from "./keys/hard-state.ts";
import { logBase } from "./keys/log-base.ts";
import { indexOf, logKey, logRange, logValue } from "./keys/log-record.ts";
import { putSnapshot } from "./keys/snapshot.ts";
import type { Mark, RaftMark } from "./raft-mark.ts";
import { StateDigest, stateRange } from "./state-digest.ts";

/** Rows of the state machine after an entry. `all`: they replace every row there is. */
type StateWrite = {
  index: number;
  writes: readonly StateRow[];
  all: boolean;
  onDigest?: ((digest: Buffer) => void) | undefined;
};
type Task = {
  write: Write | null;
  state: StateWrite | null;
  /** Looks at the rows while nothing is written. */
  look?: () => void;
  done: () => void;
  failed: (error: Error) => void;
};

/**
 * Log, promises and state of one node. One queue, one task after the other (RELIABILITY R-04); tasks that wait are done
 * together. Order on disk: promises and cuts go to the mark first, then one batch to the store, then the mark is raised to the new end; so the
 * store may be ahead of the mark and never behind it (DESIGN D2). After a failure nothing is written any more.
 */
export class Store {
  readonly #kv: Kv;
  readonly #mark: RaftMark;
  /** What the mark says, or would say once an empty node is admitted. */
  #value: Mark;
  #last: Position;
  #firstIndex = 1;
  #digest: StateDigest | null = null;
  #queue: Task[] = [];
  #running: Promise<void> | null = null;
  #failed: Error | null = null;

  constructor(options: { kv: Kv; mark: RaftMark; value: Mark }) {
    this.#kv = options.kv;
    this.#mark = options.mark;
    this.#value = options.value;
    this.#last = options.value.last;
    const base = logBase.read(options.kv);
    if (base.is === "value") this.#firstIndex = base.value.index + 1;
  }

  /** Resolves once everything in the write is on stable storage. */
  write(write: Write): Promise<void> {
    return this.#add({ write, state: null });
  }

  /**
   * The state's rows after entry `index`, and the index, in one batch (RELIABILITY R-14). Not synced: a lost tail is applied again. `onDigest` gets
   * the digest of the state after this entry.
   */
  apply(index: number, writes: readonly StateRow[], onDigest?: (digest: Buffer) => void): Promise<void> {
    return this.#add({ write: null, state: { index, writes, all: false, onDigest } });
  }

  /** Calls `look` between two writes: all it begins to read is of one moment. */
  async still<Seen>(look: (last: Position) => Seen): Promise<Seen> {
    let seen: { value: Seen } | null = null;
    await this.#add({ write: null, state: null, look: () => (seen = { value: look(this.#last) }) });
    assert(seen, "it has looked");
    return (seen as { value: Seen }).value;
  }

  /** Replaces all rows of the state. */
  replaceState(index: number, writes: KvWrite[]): Promise<void> {
    return this.#add({ write: null, state: { index, writes, all: true } });
  }

  /** Ends after what was given before. */
  async close(): Promise<void> {
    while (this.#running) await this.#running;
    this.#failed ??= new Error("the store is closed");
    this.#mark.close();
  }

  #add(task: Pick<Task, "write" | "state" | "look">): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    return new Promise((done, failed) => {
      this.#queue.push({ ...task, done, failed });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#persist(group);
        for (const task of group) task.done();
      } catch (cause) {
        this.#failed = new Error("writing to the metadata store failed", { cause });
        for (const task of [...group, ...this.#queue.splice(0)]) task.failed(this.#failed);
      }
    }
    this.#running = null;
  }

  /** Everything that waits, but what replaces all rows goes alone: it has to look at them. */
  #takeGroup(): Task[] {
    const alone = this.#queue.findIndex((task) => task.write?.install || task.state?.all || task.look);
    if (alone < 0) return this.#queue.splice(0);
    return this.#queue.splice(0, Math.max(1, alone));
  }

  async #persist(group: Task[]): Promise<void> {
    const rows: KvWrite[] = [];
    let hard: HardState | null = null;
    const written = new Map<string, Buffer | undefined>();
    let lowest = this.#value.last;
    for (const { write, state, look } of group) {
      look?.();
      if (write) {
        hard = write.hard ?? hard;
        if (write.install) rows.push(...(await this.#installed(write.install)));
        if (write.truncateTo) rows.push(...this.#truncated(write.truncateTo));
        if (this.#last.index < lowest.index) lowest = this.#last;
        if (write.install) lowest = beginning;
        rows.push(...this.#appended(write));
        if (write.compact) rows.push(...this.#compacted(write.compact));
      }
      if (state) rows.push(...(state.all ? await this.#replaced(state) : this.#changed(state, written)));
    }
    if (hard || lowest !== this.#value.last) await this.#writeMark({ ...this.#value, ...hard, last: lowest });
    if (hard) rows.push(hardState.put(hard));
    const sync = group.some((task) => task.write !== null || task.state?.all === true);
    if (rows.length > 0) await this.#kv.batch(rows, { sync });
    if (!this.#last.hash.equals(this.#value.last.hash)) await this.#writeMark({ ...this.#value, last: this.#last });
  }

  async #writeMark(value: Mark): Promise<void> {
    const { index, term, hash } = value.last;
    this.#value = { ...value, last: { index, term, hash } };
    await this.#mark.write(this.#value);
  }

  #appended(write: Write): KvWrite[] {
    return write.entries.map((entry) => {
      assert(entry.index === this.#last.index + 1, "a log has no hole (RELIABILITY R-25)");
      const value = logValue(this.#last.hash, entry);
      this.#last = entry;
      return { is: "put", key: logKey(entry.index), value };
    });
  }

  #truncated(last: Position): KvWrite[] {
    const writes: KvWrite[] = [];
    for (let index = last.index + 1; index <= this.#last.index; index++)
      writes.push({ is: "delete", key: logKey(index) });
    this.#last = last;
    return writes;
  }

  #compacted({ snapshot, base }: NonNullable<Write["compact"]>): KvWrite[] {
    const writes = putSnapshot(this.#kv, snapshot);
    writes.push(logBase.put({ index: base.index, term: base.term, hash: base.hash }));
    for (; this.#firstIndex <= base.index; this.#firstIndex++)
      writes.push({ is: "delete", key: logKey(this.#firstIndex) });
    return writes;
  }

  /** One batch switches from the old log and state to the snapshot (RELIABILITY R-11). */
  async #installed({ snapshot, writes }: NonNullable<Write["install"]>): Promise<KvWrite[]> {
    const { index, term, hash } = snapshot.info;
    const rows: KvWrite[] = [];
    for await (const [key] of this.#kv.range(logRange)) {
      assert(indexOf(key) >= this.#firstIndex, "compacted entries are gone");
      rows.push({ is: "delete", key });
    }
    this.#last = { index, term, hash };
    this.#firstIndex = index + 1;
    rows.push(logBase.put(this.#last), ...putSnapshot(this.#kv, snapshot));
    rows.push(...(await this.#replaced({ index, writes, all: true })));
    return rows;
  }

  async #replaced({ index, writes }: StateWrite): Promise<KvWrite[]> {
    const rows: KvWrite[] = [];
    for await (const [key] of this.#kv.range(stateRange)) rows.push({ is: "delete", key });
    this.#digest = new StateDigest();
    for (const write of writes) if (write.is === "put") this.#digest.add(write.key, write.value);
    return [...rows, ...writes, applied.put({ index, digest: this.#digest.bytes })];
  }

  /** `written`: rows of the same batch, which the store does not have yet. */
  #changed({ index, writes, onDigest }: StateWrite, written: Map<string, Buffer | undefined>): KvWrite[] {
    for (const { key } of writes) assert(key[0]! >= 0x40 && key[0]! < 0x80, "the state has its own tags");
    this.#digest ??= this.#readDigest();
    this.#digest.follow(this.#kv, writes, written);
    const digest = this.#digest.bytes;
    onDigest?.(digest);
    return [...writes, applied.put({ index, digest })];
  }

  #readDigest(): StateDigest {
    const row = applied.read(this.#kv);
    assert(row.is !== "damaged", "it was whole when the store was opened");
    return new StateDigest(row.is === "value" ? row.value.digest : undefined);
  }
}
