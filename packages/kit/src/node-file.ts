import * as fs from "node:fs";
import { fault, guarded } from "./file-error.ts";
import type { OpenFile } from "./files.ts";
import type { Lease, OpenFiles } from "./open-files.ts";

/** What one writev call takes at most (Linux IOV_MAX). */
const IOVECS_MAX = 1024;

/** An open file on the real disk. */
export class NodeFile implements OpenFile {
  readonly #files: OpenFiles;
  readonly #lease: Lease;

  constructor(files: OpenFiles, lease: Lease) {
    this.#files = files;
    this.#lease = lease;
  }

  /** Where the file is now: renames through the same port are followed. */
  get path(): string {
    return this.#lease.place.path;
  }

  size(): number {
    return this.#guarded("stat", (descriptor) => fs.fstatSync(descriptor).size);
  }

  write(buffers: readonly Buffer[], position: number): void {
    this.#guarded("write", (descriptor) => {
      this.#lease.changes++;
      for (let first = 0, at = position; first < buffers.length; first += IOVECS_MAX)
        at += writeSome(
          descriptor,
          buffers.length <= IOVECS_MAX ? buffers : buffers.slice(first, first + IOVECS_MAX),
          at,
        );
    });
  }

  read(into: Buffer, position: number): number {
    return this.#guarded("read", (descriptor) => {
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
    this.#guarded("truncate", (descriptor) => {
      this.#lease.changes++;
      fs.ftruncateSync(descriptor, size);
    });
  }

  async sync(): Promise<void> {
    const { changes } = this.#lease;
    await this.#inPool("sync", (descriptor, done) => fs.fdatasync(descriptor, done));
    this.#lease.synced = Math.max(this.#lease.synced, changes);
  }

  close(): void {
    this.#files.close(this.#lease);
  }

  /** The path is asked for when it is needed, for an error: this is on the way of every record. */
  #guarded<Result>(what: string, run: (descriptor: number) => Result): Result {
    try {
      return run(this.#files.descriptorOf(this.#lease));
    } catch (error) {
      throw fault(what, this.path, error);
    }
  }

  #inPool<Result>(
    what: string,
    call: (descriptor: number, done: (error: Error | null, result?: Result) => void) => void,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const descriptor = guarded(what, this.path, () => this.#files.begin(this.#lease));
      call(descriptor, (error, result) => {
        this.#files.ended(this.#lease);
        if (error) reject(fault(what, this.path, error));
        else resolve(result as Result);
      });
    });
  }
}

/** One system call when all goes well. After a short one the rest is tried again: that names the reason. */
function writeSome(descriptor: number, buffers: readonly Buffer[], position: number): number {
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
