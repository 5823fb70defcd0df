import * as fs from "node:fs";
import { rm, statfs, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { descriptorShares } from "./descriptors.ts";
import { fault, guarded, hasCode } from "./file-error.ts";
import type { Files, OpenFile } from "./files.ts";
import { Joined } from "./joined.ts";
import { NodeFile } from "./node-file.ts";
import { OpenFiles } from "./open-files.ts";

/** Removals of a directory that found no descriptor are tried again, a little later each time. */
const REMOVAL_RETRIES = 5;

const fsync = promisify(fs.fsync);

/** The port to the disk on the real one. */
export class NodeFiles implements Files {
  readonly bootId = bootId();
  readonly #open: OpenFiles;
  /** Syncs of directories that somebody waits for, by path. */
  readonly #directorySyncs = new Map<string, Joined>();

  /** `descriptorsMax`: for files that are open; a share of what the process may have unless it is said. */
  constructor(options: { descriptorsMax?: number } = {}) {
    this.#open = new OpenFiles({ descriptorsMax: options.descriptorsMax ?? descriptorShares().files });
  }

  open(path: string, options?: { create?: boolean }): OpenFile {
    const flags = fs.constants.O_RDWR | (options?.create === true ? fs.constants.O_CREAT : 0);
    return new NodeFile(
      this.#open,
      guarded("open", path, () => this.#open.open(path, flags)),
    );
  }

  exists(path: string): boolean {
    return fs.existsSync(path);
  }

  list(path: string): string[] {
    return guarded("list", path, () => {
      try {
        return this.#open.withDescriptor(() => fs.readdirSync(path)).toSorted();
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
        return this.#open.withDescriptor(() => fs.readFileSync(path));
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
    guarded("rename", from, () => {
      this.#open.keep(to);
      fs.renameSync(from, to);
      this.#open.moved(from, to);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#removing("remove", path, async () => {
      await unlink(path).catch((error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
      });
    });
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#removing("remove directory", path, () =>
      rm(path, { recursive: true, force: true, maxRetries: REMOVAL_RETRIES }),
    );
  }

  /** What has been changed when a sync begins is safe when it ends, so one is enough for all who ask before it begins. */
  async syncDirectory(path: string): Promise<void> {
    const syncs = this.#directorySyncs.get(path) ?? new Joined(() => this.#syncDirectory(path));
    this.#directorySyncs.set(path, syncs);
    try {
      await syncs.run();
    } finally {
      if (syncs.isIdle && this.#directorySyncs.get(path) === syncs) this.#directorySyncs.delete(path);
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await statfs(path).catch((error: unknown) => {
      throw fault("ask for free space in", path, error);
    });
    return bavail * bsize;
  }

  async #syncDirectory(path: string): Promise<void> {
    try {
      const { O_RDONLY } = fs.constants;
      const descriptor = this.#open.withDescriptor(() => fs.openSync(path, O_RDONLY));
      try {
        await fsync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    } catch (error) {
      throw fault("sync directory", path, error);
    }
  }

  /** What is open there stays open, also what is opened before the name has gone. */
  async #removing(what: string, path: string, remove: () => Promise<void>): Promise<void> {
    try {
      this.#open.keep(path);
      await remove();
      this.#open.keep(path);
    } catch (error) {
      throw fault(what, path, error);
    }
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
