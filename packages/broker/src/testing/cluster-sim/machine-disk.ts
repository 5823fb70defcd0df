import { FileError, type Files, type OpenFile } from "@odradek/kit";
import { MemoryFiles } from "@odradek/kit/testing";

/** What a disk still does: everything, nothing but read, or nothing at all. */
export type Health = "well" | "readOnly" | "dead";

/** One of a machine's disks, with one data directory on it, over all its lives: it may stop taking writes, or answering, until it is mended or another is in its place. */
export class MachineDisk {
  /** Where it is mounted. */
  readonly path: string;
  health: Health = "well";
  #isFull = false;
  #memory: MemoryFiles;

  constructor(path: string, seed: number) {
    this.path = path;
    this.#memory = mounted(path, seed);
  }

  /** What is on it, whether it answers or not. */
  get memory(): MemoryFiles {
    return this.#memory;
  }

  get isWell(): boolean {
    return this.health === "well" && !this.#isFull;
  }

  /** Of its partitions. */
  get directories(): string[] {
    return this.#memory.list(`${this.path}/data`);
  }

  holds(path: string): boolean {
    return path === this.path || path.startsWith(`${this.path}/`);
  }

  /** Only so many bytes more fit on it. */
  fill(bytesLeft: number): void {
    this.#isFull = true;
    this.#memory.limitTo(this.#memory.bytesUsed + bytesLeft);
  }

  /** It does everything again, and has what it had. */
  mend(): void {
    this.health = "well";
    this.#isFull = false;
    this.#memory.limitTo(Infinity);
  }

  /** Another disk, with nothing on it. */
  replace(seed: number): void {
    this.#memory = mounted(this.path, seed);
    this.mend();
  }

  /** For one process; the disk is not replaced while it runs. */
  open(): Files {
    const { memory } = this;
    const read = (what: string, path: string): void => this.#check(what, path, this.health === "dead");
    const write = (what: string, path: string): void => this.#check(what, path, this.health !== "well");
    const written = async (what: string, path: string, work: () => Promise<void>): Promise<void> => {
      write(what, path);
      await work();
      write(what, path);
    };
    return {
      bootId: memory.bootId,
      freeBytes: (path) => memory.freeBytes(path),
      open: (path, options) => {
        read("open", path);
        if (!memory.exists(path)) write("open", path);
        return checked(memory.open(path, options), read, write);
      },
      exists: (path) => path === this.path || (this.health !== "dead" && memory.exists(path)),
      list: (path) => {
        read("list", path);
        return memory.list(path);
      },
      makeDirectory: (path) => {
        read("make directory", path);
        if (!memory.exists(path)) write("make directory", path);
        memory.makeDirectory(path);
      },
      readAll: (path) => {
        read("read", path);
        return memory.readAll(path);
      },
      replace: (path, bytes) => written("replace", path, () => memory.replace(path, bytes)),
      rename: (from, to) => {
        write("rename", from);
        memory.rename(from, to);
      },
      remove: (path) => written("remove", path, () => memory.remove(path)),
      removeDirectory: (path) => written("remove", path, () => memory.removeDirectory(path)),
      syncDirectory: (path) => written("sync", path, () => memory.syncDirectory(path)),
    };
  }

  #check(what: string, path: string, isRefused: boolean): void {
    if (!isRefused) return;
    const code = this.health === "dead" ? "EIO" : "EROFS";
    throw new FileError(what, path, Object.assign(new Error(`${code}: the disk is ${this.health}`), { code }));
  }
}

function mounted(path: string, seed: number): MemoryFiles {
  const memory = new MemoryFiles(seed);
  memory.makeDirectory(path);
  void memory.syncDirectory("/");
  return memory;
}

type Check = (what: string, path: string) => void;

const checked = (file: OpenFile, read: Check, write: Check): OpenFile => ({
  path: file.path,
  size: () => {
    read("stat", file.path);
    return file.size();
  },
  write: (buffers, position) => {
    write("write", file.path);
    file.write(buffers, position);
  },
  read: (into, position) => {
    read("read", file.path);
    return file.read(into, position);
  },
  readAsync: async (into, position) => {
    read("read", file.path);
    return file.readAsync(into, position);
  },
  truncate: (size) => {
    write("truncate", file.path);
    file.truncate(size);
  },
  sync: async () => {
    write("sync", file.path);
    await file.sync();
    write("sync", file.path);
  },
  close: () => file.close(),
});
