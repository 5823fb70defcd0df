import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { LogTail, type LogLine } from "./log-tail.ts";
import type { NodePlan } from "./plan.ts";
import { identify, signal, type ProcessIdentity } from "./process-identity.ts";

const logBytesMax = 16 * 1024 * 1024;
/** Node can hang in its own exit: who has said STOPPED gets this long to be gone. */
const exitGraceMs = 500;

const errorLevel = 50;

/** How an uncaught exception or a refused flag begins in what Node prints before it ends; a stack follows. */
const cause = /^\S*Error\b|: bad option:/;

const tellsCause = ({ level, msg }: LogLine): boolean => (level === undefined ? cause.test(msg) : level >= errorLevel);

export type NodeEnd = { code: number | null; signal: NodeJS.Signals | null; lastLine: string };

export type NodeListener = {
  line?(line: LogLine): void;
};

/** One start of one node: a real process, its log, and the pipe that ends it when `dev` is gone. */
export class NodeProcess {
  readonly identity: ProcessIdentity;
  /** Resolves true with the READY line, false when the process ends without one. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<NodeEnd>;
  readonly #child: ChildProcess;
  #stopped = false;
  #lastLine = "";
  #lastLineIsCause = false;

  constructor(plan: NodePlan, listener: NodeListener = {}) {
    const log = openLog(plan.logFile);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ready = promise;
    const tail = new LogTail(plan.logFile, (line) => {
      if (!this.#lastLineIsCause) this.#lastLine = line.msg;
      this.#lastLineIsCause ||= tellsCause(line);
      if (line.evt === "READY") resolve(true);
      if (line.evt === "STOPPED") this.#stopped = true;
      listener.line?.(line);
    });
    // Its own session: the terminal's Ctrl-C must reach only `dev`, which stops the nodes in order.
    const env = { ...process.env, ...plan.environment };
    this.#child = spawn(process.execPath, plan.command, { detached: true, env, stdio: ["ignore", log, log, "pipe"] });
    closeSync(log);
    // A write end that breaks means that the node is gone, which its exit tells with more words.
    this.#child.stdio[3]?.on("error", () => this.#child.stdio[3]?.destroy());
    this.identity = identify(this.#child.pid ?? 0);
    this.ended = new Promise((done, failed) => {
      this.#child.once("error", failed);
      this.#child.once("exit", (code, signalName) => {
        tail.close();
        resolve(false);
        done({ code, signal: signalName, lastLine: this.#lastLine });
      });
    });
  }

  signal(name: NodeJS.Signals): boolean {
    return signal(this.identity, name);
  }

  /** SIGTERM, also to a paused process; SIGKILL at the deadline, or soon after it has said STOPPED. */
  async stop(deadlineMs: number): Promise<NodeEnd> {
    this.signal("SIGTERM");
    this.signal("SIGCONT");
    const deadline = Date.now() + deadlineMs;
    let stoppedAt = Infinity;
    const watchdog = setInterval(() => {
      if (this.#stopped) stoppedAt = Math.min(stoppedAt, Date.now());
      if (Date.now() >= Math.min(deadline, stoppedAt + exitGraceMs)) this.signal("SIGKILL");
    }, 50);
    try {
      return await this.ended;
    } finally {
      clearInterval(watchdog);
    }
  }
}

function openLog(path: string): number {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) renameSync(path, `${path}.1`);
  return openSync(path, "a");
}
