import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Member } from "./store.ts";

const running = new Set<ChildProcess>();
const directories = new Set<string>();

/** Nothing that was started here outlives this process, however it ends. */
export function endEverythingAtExit(): void {
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
    for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
}

/** A directory that goes with this process. */
export function temporaryDirectory(parent: string, name: string): string {
  const directory = mkdtempSync(join(parent, `odradek-bench-${name}-`));
  directories.add(directory);
  return directory;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  directories.delete(directory);
}

/** A member as a process that can be killed and started again; its output goes to `logFile`. */
export class MemberProcess implements Member {
  readonly #command: readonly string[];
  readonly #logFile: string;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();

  constructor(command: readonly string[], logFile: string) {
    this.#command = command;
    this.#logFile = logFile;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#command[0]} is not running`);
    return pid;
  }

  start(): void {
    const log = openSync(this.#logFile, "a");
    const child = spawn(this.#command[0]!, this.#command.slice(1), { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    running.add(child);
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    void this.#exited.then(() => running.delete(child));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }

  /** Asks first; profiles are written by whoever ends in order. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const late = setTimeout(() => this.signal("SIGKILL"), 5_000);
    await this.#exited;
    clearTimeout(late);
  }
}
