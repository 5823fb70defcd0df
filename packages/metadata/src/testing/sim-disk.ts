import { delay, type Files, type KvWrite, type Random } from "@odradek/kit";
import { fileBut, filesBut, MemoryFiles, MemoryKv, type MemoryKvOptions } from "@odradek/kit/testing";
import type { ProcessClock } from "@odradek/kit/simulation";

import { applied } from "../store/keys/applied.ts";
import type { Space } from "../store/space.ts";

/** One node's disk over all its lives: a key-value store and a directory that lose what was not synced. */
export class SimDisk {
  /** Mean time of a sync. */
  syncMs: number;
  /** Nothing ends before this time. */
  hangsUntilMs = 0;
  /** What its node would find when it looks how much room there is. */
  space: Space = "ok";
  /** It was wiped or altered, so its node may say that promises are lost. */
  harmed = false;
  /** The state's rows are those after entry `index`, and have this digest. */
  onApplied: (index: number, digest: Buffer) => void = () => {};
  readonly #random: Random;
  #fails = false;
  #refuses = false;
  #files: MemoryFiles;
  #kv: MemoryKv | null = null;
  #rows: ReadonlyMap<string, Buffer> = new Map();

  constructor(random: Random, syncMs: number) {
    this.#random = random;
    this.syncMs = syncMs;
    this.#files = new MemoryFiles(Math.floor(random.next() * 0x7fff_ffff));
  }

  /** Opens for a process; everything takes its time. */
  open(clock: ProcessClock): { kv: MemoryKv; files: Files } {
    this.#kv = new AppliedKv(
      {
        rows: this.#rows,
        disk: ({ sync }, run) => void clock.timer(sync ? this.#delayMs(clock) : this.#delayMs(clock) / 20, run),
      },
      (index, digest) => this.onApplied(index, digest),
    );
    this.#kv.isFull = this.#refuses;
    return { kv: this.#kv, files: slow(this.#files, () => delay(clock, this.#delayMs(clock))) };
  }

  /** The next write of the process that has it open fails, as it does on a full or broken disk (RELIABILITY R-20). */
  failNext(): void {
    this.#fails = this.#kv !== null;
    this.#kv?.failNextBatch();
  }

  /** Whether a failure of the process is one that was asked for. */
  get fails(): boolean {
    return this.#fails || this.#refuses;
  }

  /** There is no room until it is freed. `refuses`: not even for what a node still writes that knows it. */
  fill({ refuses }: { refuses: boolean }): void {
    this.space = "full";
    this.#refuses = refuses;
    if (this.#kv) this.#kv.isFull = refuses;
  }

  free(): void {
    this.space = "ok";
    this.#refuses = false;
    if (this.#kv) this.#kv.isFull = false;
  }

  /** As new, but for what it has lost. */
  heal(): void {
    this.hangsUntilMs = 0;
    this.syncMs = 0.5;
    this.#kv?.mend();
    this.free();
  }

  /** Power loss. */
  crash(): void {
    if (this.#kv) this.#rows = this.#kv.crash(this.#random);
    this.#kv = null;
    this.#fails = false;
    this.#files.crash();
  }

  /** An empty disk in its place (RELIABILITY R-23). */
  wipe(): void {
    this.harmed = true;
    this.#rows = new Map();
    this.#files = new MemoryFiles(Math.floor(this.#random.next() * 0x7fff_ffff));
  }

  /** Loses or alters one row, as LevelDB does without a word (RELIABILITY R-21). */
  rot(): void {
    this.harmed = true;
    const kv = new MemoryKv({ rows: this.#rows });
    const keys = kv.keys();
    const key = keys[Math.floor(this.#random.next() * keys.length)];
    if (!key) return;
    const at = this.#random.next();
    kv.rot(key, (value) => {
      if (this.#random.next() < 0.5) return undefined;
      value[Math.floor(at * value.length)]! ^= 1 << Math.floor(at * 8);
      return value;
    });
    this.#rows = kv.crash();
  }

  #delayMs(clock: ProcessClock): number {
    const usualMs = this.syncMs * (0.5 + this.#random.next());
    return Math.max(usualMs, this.hangsUntilMs - clock.now());
  }
}

/** Tells how far the state has come that is written to it. */
class AppliedKv extends MemoryKv {
  readonly #onApplied: (index: number, digest: Buffer) => void;

  constructor(options: MemoryKvOptions, onApplied: (index: number, digest: Buffer) => void) {
    super(options);
    this.#onApplied = onApplied;
  }

  override batch(writes: readonly KvWrite[], options: { sync: boolean }): Promise<void> {
    for (const write of writes) {
      if (write.is !== "put" || !write.key.equals(applied.remove.key)) continue;
      const row = applied.read({ get: () => write.value });
      if (row.is === "value") this.#onApplied(row.value.index, row.value.digest);
    }
    return super.batch(writes, options);
  }
}

/** Syncs take time, so that crashes find their way between the write and the sync. */
const slow = (files: Files, wait: () => Promise<void>): Files =>
  filesBut(files, {
    open: (path, options) => {
      const file = files.open(path, options);
      return fileBut(file, {
        sync: async () => {
          await wait();
          await file.sync();
        },
      });
    },
    syncDirectory: async (path) => {
      await wait();
      await files.syncDirectory(path);
    },
  });
