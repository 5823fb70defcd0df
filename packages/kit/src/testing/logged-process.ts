import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** One line of a process's log; one that is no JSON has only `msg`. */
export type LoggedLine = { evt?: string; msg?: string; level?: number; ports?: Record<string, number> };

export type LoggedOptions = {
  /** What starts Node: it gets Node's path and arguments as further words. */
  command?: readonly string[];
  environment?: Record<string, string>;
};

const linesTold = 25;
/** Node may hang in its own exit. */
const exitGraceMs = 500;

/** A real process of Node that logs JSON lines and has a control pipe on descriptor 3; the lines are kept for the message of a test that fails. */
export class LoggedProcess {
  readonly child: ChildProcess;
  readonly lines: LoggedLine[] = [];
  readonly exited: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], { command = [], environment = {} }: LoggedOptions = {}) {
    const [program, ...words] = [...command, process.execPath, ...args];
    this.child = spawn(program!, words, {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.child.stdio[3]?.on("error", () => {}); // it is gone, which its exit tells
    this.exited = once(this.child, "exit").then(([code]) => code as number | null);
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface(stream).on("line", (line) => {
        this.lines.push(line.startsWith("{") ? (JSON.parse(line) as LoggedLine) : { msg: line });
        this.#wake();
      });
    void this.exited.then(() => this.#wake());
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first line of this event; rejects when the process ends without it or `timeoutMs` pass. */
  async event(evt: string, timeoutMs = 30_000): Promise<LoggedLine> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const line = this.lines.find((each) => each.evt === evt);
      if (line) return line;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || !this.isRunning) throw new Error(`no ${evt}; last lines:\n${this.#tail()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Sends the signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }

  /** Asks it to end; whoever has said STOPPED and hangs, or has not said so in time, is killed. */
  async stop(timeoutMs = 15_000): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill("SIGTERM");
    await this.event("STOPPED", timeoutMs).catch(() => {});
    const late = setTimeout(() => this.child.kill("SIGKILL"), exitGraceMs);
    await this.exited;
    clearTimeout(late);
  }

  /** What happens when whoever started the process dies: its end of the control pipe closes. */
  async orphan(): Promise<void> {
    this.child.stdio[3]?.destroy();
    await this.exited;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #tail(): string {
    return this.lines
      .slice(-linesTold)
      .map((line) => JSON.stringify(line))
      .join("\n");
  }
}
