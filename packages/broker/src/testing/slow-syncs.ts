import { type Clock, delay, type Files, type OpenFile } from "@odradek/kit";

/** A disk whose syncs take time. What they make safe is safe before they say so, or only at their end: `next` draws both. */
export class SlowSyncs implements Files {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #next: () => { ms: number; isSafeFirst: boolean };

  constructor(files: Files, clock: Clock, next: () => { ms: number; isSafeFirst: boolean }) {
    this.#files = files;
    this.#clock = clock;
    this.#next = next;
  }

  get bootId(): string | null {
    return this.#files.bootId;
  }

  open(path: string, options?: { create?: boolean }): OpenFile {
    const file = this.#files.open(path, options);
    let syncing = Promise.resolve();
    const sync = (): Promise<void> => {
      const synced = this.#slowly(() => file.sync());
      syncing = Promise.allSettled([syncing, synced]).then(() => {});
      return synced;
    };
    return {
      path: file.path,
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      readAsync: (into, position) => file.readAsync(into, position),
      write: (buffers, position) => file.write(buffers, position),
      truncate: (size) => file.truncate(size),
      sync,
      // The system keeps a file open for the calls that are under way.
      close: () => void syncing.then(() => file.close()),
    };
  }

  exists(path: string): boolean {
    return this.#files.exists(path);
  }

  freeBytes(path: string): Promise<number> {
    return this.#files.freeBytes(path);
  }

  list(path: string): string[] {
    return this.#files.list(path);
  }

  makeDirectory(path: string): void {
    this.#files.makeDirectory(path);
  }

  readAll(path: string): Buffer | null {
    return this.#files.readAll(path);
  }

  replace(path: string, bytes: Buffer): Promise<void> {
    return this.#slowly(() => this.#files.replace(path, bytes));
  }

  rename(from: string, to: string): void {
    this.#files.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#files.remove(path);
  }

  removeDirectory(path: string): Promise<void> {
    return this.#files.removeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#slowly(() => this.#files.syncDirectory(path));
  }

  async #slowly(sync: () => Promise<void>): Promise<void> {
    const { ms, isSafeFirst } = this.#next();
    if (isSafeFirst) await sync();
    if (ms > 0) await delay(this.#clock, ms);
    if (!isSafeFirst) await sync();
  }
}
