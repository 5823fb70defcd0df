import { delay, type Files, integerBelow, type OpenFile, type Random } from "@odradek/kit";
import type { ProcessClock } from "@odradek/kit/simulation";
import type { MemoryFiles } from "@odradek/kit/testing";

import { MachineDisk } from "./machine-disk.ts";

/** One broker's disks over all its lives, one for each data directory: they take their time, hang, fail, and forget what was not synced when the power goes. */
export class BrokerDisk {
  /** Mean time of a sync. */
  syncMs: number;
  /** Nothing that waits for a disk ends before this time. */
  hangsUntilMs = 0;
  readonly disks: readonly MachineDisk[];
  /** How many segments have been taken out of their logs. */
  segmentsRemoved = 0;
  readonly #random: Random;
  #boots = 1;
  #mayFail = false;

  constructor(random: Random, { syncMs, directories }: { syncMs: number; directories: number }) {
    this.#random = random;
    this.syncMs = syncMs;
    const seed = (): number => Math.floor(random.next() * 0x7fff_ffff);
    this.disks = Array.from({ length: directories }, (_, at) => new MachineDisk(`/disk${at + 1}`, seed()));
  }

  /** log.dirs. */
  get paths(): string[] {
    return this.disks.map(({ path }) => `${path}/data`);
  }

  /** What is on the disk that has this path. */
  memoryOf(path: string): MemoryFiles {
    return this.#diskOf(path).memory;
  }

  /** Opens for a process: whatever can take milliseconds does, so that crashes find their way between. */
  open(clock: ProcessClock): Files {
    if (this.disks.some(({ isWell }) => !isWell)) this.#mayFail = true;
    const wait = (share: number): Promise<void> => delay(clock, this.#delayMs(clock) * share);
    for (const { memory } of this.disks) memory.syncing = () => wait(1);
    const opened = this.disks.map((disk) => ({ disk, files: disk.open() }));
    const at = (path: string): Files => opened.find(({ disk }) => disk.holds(path))!.files;
    return {
      bootId: `boot ${this.#boots}`,
      freeBytes: (path) => at(path).freeBytes(path),
      open: (path, options) => slowReads(at(path).open(path, options), () => wait(0.05)),
      exists: (path) => at(path).exists(path),
      list: (path) => at(path).list(path),
      makeDirectory: (path) => at(path).makeDirectory(path),
      readAll: (path) => at(path).readAll(path),
      replace: (path, bytes) => at(path).replace(path, bytes),
      rename: (from, to) => {
        at(from).rename(from, to);
        if (to.endsWith(".log.deleted")) this.segmentsRemoved++;
      },
      remove: (path) => wait(1).then(() => at(path).remove(path)),
      removeDirectory: (path) => wait(1).then(() => at(path).removeDirectory(path)),
      syncDirectory: (path) => at(path).syncDirectory(path),
    };
  }

  /** Something was asked for that its broker, or one of its directories, may not survive. */
  get mayFail(): boolean {
    return this.#mayFail;
  }

  willFail(): void {
    this.#mayFail = true;
  }

  /** The next write of a file on one of the disks whose path contains `path` fails, having written so much. */
  failNextWrite(options: { path: string; bytesWritten: number }): void {
    this.willFail();
    this.#anyDisk().memory.failNextWrite(options);
  }

  /** The same for a sync; the disk may believe then that it has what it has not. */
  failNextSync(options: { path: string; forgets: boolean }): void {
    this.willFail();
    this.#anyDisk().memory.failNextSync(options);
  }

  /** Another process will use them. */
  #heal(): void {
    for (const { memory } of this.disks) memory.heal();
    this.#mayFail = false;
  }

  /** The process died and the machine did not. */
  kill(): void {
    for (const { memory } of this.disks) memory.kill();
    this.#heal();
  }

  /** The power went: what was not synced is there in part, or not at all. */
  losePower(options: { sizesFirst: boolean }): void {
    for (const { memory } of this.disks) memory.crash(options);
    this.#boots++;
    this.#heal();
  }

  #anyDisk(): MachineDisk {
    return this.disks.length === 1 ? this.disks[0]! : this.disks[integerBelow(this.#random, this.disks.length)]!;
  }

  #diskOf(path: string): MachineDisk {
    return this.disks.find((disk) => disk.holds(path))!;
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
