import { delay, type Files, type OpenFile, type Random } from "@odradek/kit";
import type { ProcessClock } from "@odradek/kit/simulation";
import { MemoryFiles } from "@odradek/kit/testing";

/** One broker's disk over all its lives: it takes its time, hangs, fails, and forgets what was not synced when the power goes. */
export class BrokerDisk {
  /** Mean time of a sync. */
  syncMs: number;
  /** Nothing that waits for the disk ends before this time. */
  hangsUntilMs = 0;
  readonly memory: MemoryFiles;
  /** How many segments have been taken out of their logs. */
  segmentsRemoved = 0;
  readonly #random: Random;
  #mayFail = false;

  constructor(random: Random, syncMs: number) {
    this.#random = random;
    this.syncMs = syncMs;
    this.memory = new MemoryFiles(Math.floor(random.next() * 0x7fff_ffff));
  }

  /** Opens for a process: whatever can take milliseconds does, so that crashes find their way between. */
  open(clock: ProcessClock): Files {
    const { memory } = this;
    const wait = (share: number): Promise<void> => delay(clock, this.#delayMs(clock) * share);
    memory.syncing = () => wait(1);
    return {
      bootId: memory.bootId,
      freeBytes: (path) => memory.freeBytes(path),
      open: (path, options) => slowReads(memory.open(path, options), () => wait(0.05)),
      exists: (path) => memory.exists(path),
      list: (path) => memory.list(path),
      makeDirectory: (path) => memory.makeDirectory(path),
      readAll: (path) => memory.readAll(path),
      replace: (path, bytes) => memory.replace(path, bytes),
      rename: (from, to) => {
        if (to.endsWith(".log.deleted")) this.segmentsRemoved++;
        memory.rename(from, to);
      },
      remove: (path) => wait(1).then(() => memory.remove(path)),
      removeDirectory: (path) => wait(1).then(() => memory.removeDirectory(path)),
      syncDirectory: (path) => memory.syncDirectory(path),
    };
  }

  /** A failure was asked for that its broker may not survive. */
  get mayFail(): boolean {
    return this.#mayFail;
  }

  /** The next write, or sync, of a file whose path contains `path` fails. */
  failNext(what: "write" | "sync", options: { path: string; bytesWritten: number }): void {
    this.#mayFail = true;
    if (what === "write") this.memory.failNextWrite(options);
    else this.memory.failNextSync({ path: options.path });
  }

  /** Another process will use it. */
  #heal(): void {
    this.memory.heal();
    this.#mayFail = false;
  }

  /** The process died and the machine did not. */
  kill(): void {
    this.memory.kill();
    this.#heal();
  }

  /** The power went: what was not synced is there in part, or not at all. */
  losePower(): void {
    this.memory.crash();
    this.#heal();
  }

  #delayMs(clock: ProcessClock): number {
    const usualMs = this.syncMs * (0.5 + this.#random.next());
    return Math.max(usualMs, this.hangsUntilMs - clock.now());
  }
}

const slowReads = (file: OpenFile, wait: () => Promise<void>): OpenFile => ({
  path: file.path,
  size: () => file.size(),
  write: (buffers, position) => file.write(buffers, position),
  read: (into, position) => file.read(into, position),
  readAsync: (into, position) => Promise.all([file.readAsync(into, position), wait()]).then(([bytes]) => bytes),
  truncate: (size) => file.truncate(size),
  sync: () => file.sync(),
  close: () => file.close(),
});
