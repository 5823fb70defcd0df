import { assert } from "../assert.ts";
import { FileError } from "../file-error.ts";
import type { Files, OpenFile } from "../files.ts";
import type { Random } from "../random.ts";
import { MemoryDirectory, MemoryInode } from "./memory-inodes.ts";
import { SeededRandom } from "./seeded-random.ts";

type Fault = { code: string; path: string; bytesWritten: number; forgets?: boolean };

/**
 * The port to the disk in memory, with what a disk does at its worst: power loss keeps an arbitrary part of what was not
 * synced (bytes and directory entries apart), writes fail or stop half-way, fsync fails, space runs out.
 */
export class MemoryFiles implements Files {
  readonly #random: Random;
  #root = new MemoryDirectory();
  readonly #writeFaults: Fault[] = [];
  readonly #syncFaults: Fault[] = [];
  readonly #readFaults: Fault[] = [];
  /** What a sync waits for, after it has taken what it is going to make safe: instead of nothing, the time that a disk takes. */
  syncing: () => Promise<void> = () => Promise.resolve();
  #capacityBytes = Infinity;
  /** Files opened before a crash are dead. */
  #generation = 0;
  #boots = 1;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  get bootId(): string {
    return `boot ${this.#boots}`;
  }

  /** The next write to a file whose path contains `path` writes `bytesWritten` bytes and then fails. */
  failNextWrite(options: { path?: string; code?: string; bytesWritten?: number } = {}): void {
    this.#writeFaults.push({ code: "EIO", path: "", bytesWritten: 0, ...options });
  }

  /** The next fsync of a file whose path contains `path` fails; its bytes stay at risk, or `forgets` them: later syncs succeed without. */
  failNextSync(options: { path?: string; code?: string; forgets?: boolean } = {}): void {
    this.#syncFaults.push({ code: "EIO", path: "", bytesWritten: 0, ...options });
  }

  /** The next read of a file whose path contains `path` fails. */
  failNextRead(options: { path?: string; code?: string } = {}): void {
    this.#readFaults.push({ code: "EIO", path: "", bytesWritten: 0, ...options });
  }

  /** Takes back the failures that have not happened yet. */
  heal(): void {
    this.#writeFaults.length = 0;
    this.#syncFaults.length = 0;
    this.#readFaults.length = 0;
  }

  /** From now on all files together hold at most `bytes`; a write that needs more is cut there and fails with ENOSPC. */
  limitTo(bytes: number): void {
    this.#capacityBytes = bytes;
  }

  /** Of all files together. */
  get bytesUsed(): number {
    return this.#root.size();
  }

  /** Another disk that has everything this one has, and may lose the same. No file of it is open. */
  copy(seed: number): MemoryFiles {
    const copy = new MemoryFiles(seed);
    copy.#root = this.#root.copy();
    copy.#boots = this.#boots;
    return copy;
  }

  /**
   * Power loss: of what was not synced, a seeded choice stays, perhaps torn. Every open file is dead. `sizesFirst`: files are as long as they
   * were, and what is missing reads as zeros.
   */
  crash(options: { sizesFirst: boolean } = { sizesFirst: false }): void {
    this.#boots++;
    this.#generation++;
    this.#root.crash(this.#random, options);
  }

  /** The process died, the machine did not: everything written stays, every open file is dead. */
  kill(): void {
    this.#generation++;
  }

  open(path: string, options?: { create?: boolean }): OpenFile {
    const { parent, name } = this.#locate(path, "open");
    let inode = parent.entries.get(name);
    if (inode === undefined) {
      if (options?.create !== true) throw failure("open", path, "ENOENT");
      inode = new MemoryInode();
      parent.change([[name, inode]]);
    }
    if (inode instanceof MemoryDirectory) throw failure("open", path, "EISDIR");
    return new MemoryFile(path, inode, this.#disk());
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  list(path: string): string[] {
    const found = this.#find(path);
    if (found === undefined) return [];
    if (found instanceof MemoryInode) throw failure("list", path, "ENOTDIR");
    return [...found.entries.keys()].toSorted();
  }

  makeDirectory(path: string): void {
    let directory = this.#root;
    for (const name of partsOf(path)) {
      let next = directory.entries.get(name);
      if (next === undefined) {
        next = new MemoryDirectory();
        directory.change([[name, next]]);
      }
      if (next instanceof MemoryInode) throw failure("make directory", path, "EEXIST");
      directory = next;
    }
  }

  readAll(path: string): Buffer | null {
    const found = this.#find(path);
    if (found === undefined) return null;
    if (found instanceof MemoryDirectory) throw failure("read", path, "EISDIR");
    return Buffer.from(found.bytes());
  }

  async replace(path: string, bytes: Buffer): Promise<void> {
    const file = this.open(`${path}.tmp`, { create: true });
    file.truncate(0);
    file.write([bytes], 0);
    await file.sync();
    file.close();
    this.rename(`${path}.tmp`, path);
    await this.syncDirectory(path.slice(0, path.lastIndexOf("/")));
  }

  rename(from: string, to: string): void {
    const source = this.#locate(from, "rename");
    const target = this.#locate(to, "rename");
    const moved = source.parent.entries.get(source.name);
    if (moved === undefined) throw failure("rename", from, "ENOENT");
    if (source.parent === target.parent) {
      source.parent.change([
        [source.name, null],
        [target.name, moved],
      ]);
      return;
    }
    target.parent.change([[target.name, moved]]);
    source.parent.change([[source.name, null]]);
  }

  async remove(path: string): Promise<void> {
    await Promise.resolve();
    if (!this.exists(path)) return;
    const { parent, name } = this.#locate(path, "remove");
    parent.change([[name, null]]);
  }

  async removeDirectory(path: string): Promise<void> {
    if (this.exists(path)) await this.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const disk = this.#disk();
    await this.syncing();
    disk.alive(path);
    const found = this.#find(path);
    if (!(found instanceof MemoryDirectory)) throw failure("sync directory", path, "ENOENT");
    found.sync();
  }

  async freeBytes(path: string): Promise<number> {
    await Promise.resolve();
    if (!(this.#find(path) instanceof MemoryDirectory)) throw failure("ask for free space in", path, "ENOENT");
    return Math.max(0, this.#capacityBytes - this.#root.size());
  }

  #disk(): Disk {
    const generation = this.#generation;
    return {
      alive: (path) => {
        if (generation !== this.#generation) throw failure("use", path, "EBADF");
      },
      syncing: () => this.syncing(),
      writeFault: (path) => take(this.#writeFaults, path),
      syncFault: (path) => take(this.#syncFaults, path),
      readFault: (path) => take(this.#readFaults, path),
      room: () => (this.#capacityBytes === Infinity ? Infinity : this.#capacityBytes - this.#root.size()),
    };
  }

  #find(path: string): MemoryInode | MemoryDirectory | undefined {
    let found: MemoryInode | MemoryDirectory | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (!(found instanceof MemoryDirectory)) return undefined;
      found = found.entries.get(name);
    }
    return found;
  }

  #locate(path: string, what: string): { parent: MemoryDirectory; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    assert(name !== undefined, "a path names something");
    const parent = this.#find(parts.join("/"));
    if (!(parent instanceof MemoryDirectory)) throw failure(what, path, "ENOENT");
    return { parent, name };
  }
}

/** What a file needs to know of the disk it stands on. */
type Disk = {
  alive(path: string): void;
  syncing(): Promise<void>;
  writeFault(path: string): Fault | undefined;
  syncFault(path: string): Fault | undefined;
  readFault(path: string): Fault | undefined;
  room(): number;
};

class MemoryFile implements OpenFile {
  readonly path: string;
  readonly #inode: MemoryInode;
  readonly #disk: Disk;
  #closed = false;

  constructor(path: string, inode: MemoryInode, disk: Disk) {
    this.path = path;
    this.#inode = inode;
    this.#disk = disk;
  }

  size(): number {
    this.#check("stat");
    return this.#inode.size;
  }

  write(buffers: readonly Buffer[], position: number): void {
    this.#check("write");
    const bytes = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
    const injected = this.#disk.writeFault(this.path);
    const room = Math.max(0, this.#disk.room() + this.#inode.size - position);
    const written = Math.min(bytes.length, injected?.bytesWritten ?? Infinity, room);
    if (written > 0) this.#inode.write(bytes.subarray(0, written), position);
    if (injected !== undefined) throw failure("write", this.path, injected.code);
    if (written < bytes.length) throw failure("write", this.path, "ENOSPC");
  }

  read(into: Buffer, position: number): number {
    this.#check("read");
    const injected = this.#disk.readFault(this.path);
    if (injected !== undefined) throw failure("read", this.path, injected.code);
    return this.#inode.bytes().subarray(position).copy(into);
  }

  async readAsync(into: Buffer, position: number): Promise<number> {
    await Promise.resolve();
    return this.read(into, position);
  }

  truncate(size: number): void {
    this.#check("truncate");
    this.#inode.truncate(size);
  }

  async sync(): Promise<void> {
    this.#check("sync");
    const mark = this.#inode.mark();
    await this.#disk.syncing();
    this.#disk.alive(this.path);
    const injected = this.#disk.syncFault(this.path);
    if (injected?.forgets === true) this.#inode.forget(mark);
    if (injected !== undefined) throw failure("sync", this.path, injected.code);
    this.#inode.sync(mark);
  }

  close(): void {
    this.#closed = true;
  }

  #check(what: string): void {
    this.#disk.alive(this.path);
    if (this.#closed) throw failure(what, this.path, "EBADF");
  }
}

function take(faults: Fault[], path: string): Fault | undefined {
  const at = faults.findIndex((candidate) => path.includes(candidate.path));
  return at < 0 ? undefined : faults.splice(at, 1)[0];
}

function failure(what: string, path: string, code: string): FileError {
  return new FileError(what, path, Object.assign(new Error(`${code}: injected or as a disk would say`), { code }));
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");
