import * as fs from "node:fs";
import { open as openHandle, rm, statfs, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Files, OpenFile } from "./files.ts";
import { fault, hasCode } from "./file-error.ts";

/** What one writev call takes at most (Linux IOV_MAX). */
const IOVECS_MAX = 1024;

/** The port to the disk on the real one. */
export class NodeFiles implements Files {
  readonly bootId = bootId();

  open(path: string, options?: { create?: boolean }): OpenFile {
    const flags = fs.constants.O_RDWR | (options?.create === true ? fs.constants.O_CREAT : 0);
    return new NodeFile(
      path,
      guarded("open", path, () => fs.openSync(path, flags, 0o644)),
    );
  }

  exists(path: string): boolean {
    return fs.existsSync(path);
  }

  list(path: string): string[] {
    return guarded("list", path, () => {
      try {
        return fs.readdirSync(path).toSorted();
      } catch (error) {
        if (hasCode(error, "ENOENT")) return [];
        throw error;
      }
    });
  }

  makeDirectory(path: string): void {
    guarded("make directory", path, () => makeDirectoryTree(path));
  }

  readAll(path: string): Buffer | null {
    return guarded("read", path, () => {
      try {
        return fs.readFileSync(path);
      } catch (error) {
        if (hasCode(error, "ENOENT")) return null;
        throw error;
      }
    });
  }

  async replace(path: string, bytes: Buffer): Promise<void> {
    const temporary = `${path}.tmp`;
    const file = this.open(temporary, { create: true });
    try {
      file.truncate(0);
      file.write([bytes], 0);
      await file.sync();
    } finally {
      file.close();
    }
    this.rename(temporary, path);
    await this.syncDirectory(dirname(path));
  }

  rename(from: string, to: string): void {
    guarded("rename", from, () => fs.renameSync(from, to));
  }

  async remove(path: string): Promise<void> {
    await unlink(path).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw fault("remove", path, error);
    });
  }

  async removeDirectory(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
      throw fault("remove directory", path, error);
    });
  }

  async syncDirectory(path: string): Promise<void> {
    try {
      await using handle = await openHandle(path, fs.constants.O_RDONLY);
      await handle.sync();
    } catch (error) {
      throw fault("sync directory", path, error);
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await statfs(path).catch((error: unknown) => {
      throw fault("ask for free space in", path, error);
    });
    return bavail * bsize;
  }
}

class NodeFile implements OpenFile {
  readonly path: string;
  readonly #descriptor: number;
  /** Calls in the thread pool. The descriptor must outlive them: the system hands its number to the next open. */
  #pending = 0;
  #closed = false;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  size(): number {
    return guarded("stat", this.path, () => fs.fstatSync(this.#open()).size);
  }

  write(buffers: readonly Buffer[], position: number): void {
    guarded("write", this.path, () => {
      for (let first = 0, at = position; first < buffers.length; first += IOVECS_MAX)
        at += this.#writeSome(buffers.length <= IOVECS_MAX ? buffers : buffers.slice(first, first + IOVECS_MAX), at);
    });
  }

  /** One system call when all goes well. After a short one the rest is tried again: that names the reason. */
  #writeSome(buffers: readonly Buffer[], position: number): number {
    const descriptor = this.#open();
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.length;
    const only = buffers.length === 1 ? buffers[0] : undefined;
    let written =
      only === undefined
        ? fs.writevSync(descriptor, buffers, position)
        : fs.writeSync(descriptor, only, 0, only.length, position);
    while (written < bytes) {
      const more = fs.writevSync(descriptor, skip(buffers, written), position + written);
      if (more === 0) throw new Error(`short write: ${written} of ${bytes} bytes`);
      written += more;
    }
    return bytes;
  }

  read(into: Buffer, position: number): number {
    return guarded("read", this.path, () => {
      const descriptor = this.#open();
      let filled = 0;
      while (filled < into.length) {
        const bytes = fs.readSync(descriptor, into, filled, into.length - filled, position + filled);
        if (bytes === 0) break;
        filled += bytes;
      }
      return filled;
    });
  }

  async readAsync(into: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const bytes = await this.#inPool<number>("read", (descriptor, done) =>
        fs.read(descriptor, into, filled, into.length - filled, position + filled, done),
      );
      if (bytes === 0) break;
      filled += bytes;
    }
    return filled;
  }

  truncate(size: number): void {
    guarded("truncate", this.path, () => fs.ftruncateSync(this.#open(), size));
  }

  async sync(): Promise<void> {
    await this.#inPool("sync", (descriptor, done) => fs.fdatasync(descriptor, done));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pending === 0) fs.closeSync(this.#descriptor);
  }

  #open(): number {
    if (this.#closed) throw new Error("the file is closed");
    return this.#descriptor;
  }

  #inPool<Result>(
    what: string,
    call: (descriptor: number, done: (error: Error | null, result?: Result) => void) => void,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#pending++;
      call(
        guarded(what, this.path, () => this.#open()),
        (error, result) => {
          this.#pending--;
          if (this.#closed && this.#pending === 0) fs.closeSync(this.#descriptor);
          if (error) reject(fault(what, this.path, error));
          else resolve(result as Result);
        },
      );
    });
  }
}

/** The buffers without their first `bytes` bytes. */
function skip(buffers: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let left = bytes;
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(buffer.subarray(left));
    left = Math.max(0, left - buffer.length);
  }
  return rest;
}

function guarded<Result>(what: string, path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw fault(what, path, error);
  }
}

/**
 * Makes a directory and those above it that are missing. Not with Node's `recursive`: that never comes back where the
 * system says ENOENT though the directory above is there, as /proc does.
 */
function makeDirectoryTree(path: string): void {
  if (isDirectory(path)) return;
  const above = dirname(path);
  if (above !== path && !fs.existsSync(above)) makeDirectoryTree(above);
  try {
    fs.mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    if (!hasCode(error, "EEXIST") || !isDirectory(path)) throw error;
  }
}

const isDirectory = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Page cache outlives a process, not a boot; Linux names each boot, others are not asked. */
function bootId(): string | null {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || null;
  } catch {
    return null;
  }
}
