import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** One line of a node's log. */
export type LogLine = { evt?: string; msg?: string; ports?: Record<string, number>; [field: string]: unknown };

/**
 * One metadata node or broker as a real process, for tests that kill it.
 * Its log goes to `logFile`; lines are kept only until someone has asked for them.
 */
export class NodeProcess {
  readonly name: string;
  readonly #command: string[];
  readonly #logFile: string;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #ready: Promise<LogLine> | null = null;
  #isEnding = false;
  /** Called when the process ends and nobody here has ended it. */
  onDied: () => void = () => {};

  constructor(name: string, command: string[], logFile: string) {
    this.name = name;
    this.#command = command;
    this.#logFile = logFile;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts the process; resolves with its READY line, rejects when it ends first or takes longer than `timeoutMs`. */
  start(timeoutMs = 30_000): Promise<LogLine> {
    // The child ends when its control pipe closes, so a test run that is killed leaves no orphan.
    const child = spawn(process.execPath, [...this.#command, "--control-fd", "3"], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
    });
    this.#child = child;
    this.#isEnding = false;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    void this.#exited.then(() => this.#isEnding || this.onDied());
    child.stderr!.on("data", (bytes: Buffer) => appendFileSync(this.#logFile, bytes));
    this.#ready = new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`${this.name} was not ready in ${timeoutMs} ms, see ${this.#logFile}`)),
        timeoutMs,
      );
      createInterface({ input: child.stdout! }).on("line", (text) => {
        appendFileSync(this.#logFile, `${text}\n`);
        if (!text.includes('"READY"')) return;
        clearTimeout(late);
        resolve(JSON.parse(text) as LogLine);
      });
      child.once("exit", (code, signal) => {
        clearTimeout(late);
        reject(new Error(`${this.name} ended (${signal ?? code}) before it was ready, see ${this.#logFile}`));
      });
    });
    return this.#ready;
  }

  /** Sends a real signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** kill -9, and waits until the process is gone. */
  async kill(): Promise<void> {
    this.#isEnding = true;
    this.signal("SIGKILL");
    await this.#exited;
  }

  /** Asks for a clean stop; kills after `timeoutMs`. Returns whether it stopped by itself. */
  async stop(timeoutMs = 10_000): Promise<boolean> {
    if (!this.running) return true;
    this.#isEnding = true;
    this.signal("SIGTERM");
    let clean = true;
    const deadline = setTimeout(() => {
      clean = false;
      this.signal("SIGKILL");
    }, timeoutMs);
    await this.#exited;
    clearTimeout(deadline);
    return clean;
  }
}
