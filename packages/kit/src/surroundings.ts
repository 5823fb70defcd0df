import { existsSync, readFileSync } from "node:fs";
import { SystemClock } from "./clock.ts";
import { FileError } from "./file-error.ts";
import type { Files, OpenFile } from "./files.ts";
import { NodeFiles } from "./node-files.ts";

const pollMs = 100;

/** A system clock whose wall clock is wrong by the milliseconds that stand in a file: only timestamps may care (RELIABILITY O-04). */
export class SpoiledClock extends SystemClock {
  readonly #path: string;
  #offsetMs = 0;

  constructor(path: string) {
    super();
    this.#path = path;
    this.#look();
  }

  override wallMs(): number {
    return super.wallMs() + this.#offsetMs;
  }

  #look(): void {
    const told = existsSync(this.#path) ? Number(readFileSync(this.#path, "utf8")) : 0;
    this.#offsetMs = Number.isFinite(told) ? told : 0;
    this.timer(pollMs, () => this.#look());
  }
}

/** A disk without a free byte for as long as a file with this name exists: nothing can grow, all else goes on (RELIABILITY L-10). */
export class SpoiledFiles extends NodeFiles {
  readonly #fullWhile: string;

  constructor(fullWhile: string) {
    super();
    this.#fullWhile = fullWhile;
  }

  override open(path: string, options?: { create?: boolean }): OpenFile {
    if (options?.create === true && !this.exists(path)) this.#refuseWhenFull("open", path);
    return this.#spoil(super.open(path, options));
  }

  override makeDirectory(path: string): void {
    if (!this.exists(path)) this.#refuseWhenFull("make directory", path);
    super.makeDirectory(path);
  }

  #spoil(file: OpenFile): OpenFile {
    const write = file.write.bind(file);
    file.write = (buffers, position) => {
      const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
      if (position + bytes > file.size()) this.#refuseWhenFull("write", file.path);
      write(buffers, position);
    };
    return file;
  }

  #refuseWhenFull(what: string, path: string): void {
    if (!existsSync(this.#fullWhile)) return;
    throw new FileError(what, path, Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  }
}

/** The surroundings of a node's process; what its environment names is spoiled on purpose, by `odradek chaos`. */
export function surroundings(environment: Readonly<Record<string, string | undefined>>): {
  clock: SystemClock;
  files: Files;
  /** By address as the others know it, the address to dial instead. */
  routes: ReadonlyMap<string, string>;
} {
  const clockFile = environment["ODRADEK_CHAOS_CLOCK_FILE"];
  const fullFile = environment["ODRADEK_CHAOS_DISK_FULL_FILE"];
  const routes = (environment["ODRADEK_CHAOS_ROUTES"] ?? "").split(",").filter((route) => route !== "");
  return {
    clock: clockFile === undefined ? new SystemClock() : new SpoiledClock(clockFile),
    files: fullFile === undefined ? new NodeFiles() : new SpoiledFiles(fullFile),
    routes: new Map(routes.map((route) => route.split("=") as [string, string])),
  };
}
