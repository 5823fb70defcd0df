import type { Files, OpenFile } from "@odradek/kit";

/** A disk that says before each of its operations which one it is: tests look at, or end, the world in between. */
export class StepFiles implements Files {
  readonly bootId = null;
  readonly #files: Files;
  /** Called before each operation that changes something. */
  onChange: (what: string) => void = () => {};

  constructor(files: Files) {
    this.#files = files;
  }

  open(path: string, options?: { create?: boolean }): OpenFile {
    if (options?.create === true && !this.#files.exists(path)) this.onChange(`create ${path}`);
    const file = this.#files.open(path, options);
    return {
      path: file.path,
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      readAsync: (into, position) => file.readAsync(into, position),
      close: () => file.close(),
      write: (buffers, position) => {
        this.onChange(`write ${path}`);
        file.write(buffers, position);
      },
      truncate: (size) => {
        this.onChange(`truncate ${path}`);
        file.truncate(size);
      },
      sync: () => {
        this.onChange(`sync ${path}`);
        return file.sync();
      },
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
    this.onChange(`make ${path}`);
    this.#files.makeDirectory(path);
  }

  readAll(path: string): Buffer | null {
    return this.#files.readAll(path);
  }

  replace(path: string, bytes: Buffer): Promise<void> {
    this.onChange(`replace ${path}`);
    return this.#files.replace(path, bytes);
  }

  rename(from: string, to: string): void {
    this.onChange(`rename ${from} ${to}`);
    this.#files.rename(from, to);
  }

  remove(path: string): Promise<void> {
    this.onChange(`remove ${path}`);
    return this.#files.remove(path);
  }

  removeDirectory(path: string): Promise<void> {
    this.onChange(`remove ${path}`);
    return this.#files.removeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    this.onChange(`sync ${path}`);
    return this.#files.syncDirectory(path);
  }
}
