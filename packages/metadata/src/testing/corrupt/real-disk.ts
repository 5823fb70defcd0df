import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Files, type Kv, type KvWrite, NodeFiles, type OpenFile, silentLogger } from "@odradek/kit";

import { openLevel } from "../../store/open-level.ts";

/** In memory where there is such a disk: thousands of runs wait for thousands of syncs. */
export const temporaryDirectory = (): string =>
  mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "odradek-corrupt-"));

/**
 * What a member keeps in a real directory: `level` (LevelDB) and `raft-mark`. Its work takes real time, for which virtual time has to wait while it
 * `isBusy`; and whereas a killed process leaves no file open, somebody has to close them in one that goes on.
 */
export class RealDisk {
  readonly directory: string;
  readonly kv: Kv;
  readonly files: Files;
  readonly #open: OpenFile[] = [];
  #pending = 0;

  private constructor(directory: string, level: Kv) {
    this.directory = directory;
    this.kv = this.#watchedKv(level);
    this.files = this.#watchedFiles();
  }

  static async open(directory: string): Promise<RealDisk> {
    const files = new NodeFiles();
    files.makeDirectory(directory);
    const level = await openLevel({ directory: join(directory, "level"), files, logger: silentLogger });
    return new RealDisk(directory, level);
  }

  get isBusy(): boolean {
    return this.#pending > 0;
  }

  async close(): Promise<void> {
    await this.kv.close();
    for (const file of this.#open) file.close();
  }

  #watchedKv(level: Kv): Kv {
    return {
      batch: (writes: readonly KvWrite[], options) => this.#watched(level.batch(writes, options)),
      get: (key) => level.get(key),
      range: (range) => this.#watchedRange(level.range(range)),
      close: () => level.close(),
    };
  }

  #watchedFiles(): Files {
    const files = new NodeFiles();
    const open = files.open.bind(files);
    files.open = (path, options) => {
      const file = open(path, options);
      const sync = file.sync.bind(file);
      file.sync = () => this.#watched(sync());
      this.#open.push(file);
      return file;
    };
    return files;
  }

  async *#watchedRange(rows: ReturnType<Kv["range"]>): ReturnType<Kv["range"]> {
    this.#pending++;
    try {
      yield* rows;
    } finally {
      this.#pending--;
    }
  }

  async #watched<Result>(work: Promise<Result>): Promise<Result> {
    this.#pending++;
    try {
      return await work;
    } finally {
      this.#pending--;
    }
  }
}
