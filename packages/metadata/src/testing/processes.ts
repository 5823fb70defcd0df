import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { freePorts } from "@odradek/kit/testing";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

export type ProcessOptions = { command?: readonly string[]; environment?: Record<string, string> };
/** How the nodes of a quorum are started. */
export type NodeOptions = ProcessOptions & { flags?: readonly string[]; directory?: string };

export type Line = { evt?: string; msg?: string; ports?: { grpc: number; health: number } };

/** A real process that logs JSON lines; the lines are kept for the message of a test that fails. */
export class LoggedProcess {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exited: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  /** `command`: what runs instead of Node, with Node's own path as its first argument. */
  constructor(script: string, args: string[], { command = [], environment = {} }: ProcessOptions = {}) {
    const [program, ...words] = [...command, process.execPath, script, ...args];
    this.child = spawn(program!, words, {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.exited = once(this.child, "exit").then(([code]) => code as number | null);
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface(stream).on("line", (line) => {
        this.lines.push(line.startsWith("{") ? (JSON.parse(line) as Line) : { msg: line });
        this.#seen();
      });
    void this.exited.then(() => this.#seen());
  }

  /** The first line of this event; rejects when the process ends without it or `timeoutMs` pass. */
  async event(evt: string, timeoutMs: number): Promise<Line> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const line = this.lines.find((each) => each.evt === evt);
      if (line) return line;
      const left = deadline - performance.now();
      if (left <= 0 || this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(
          `no ${evt}; last lines:\n${this.lines
            .slice(-20)
            .map((each) => JSON.stringify(each))
            .join("\n")}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #seen(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** What happens when whoever started the process dies: its end of the control pipe closes. */
  async orphan(): Promise<void> {
    this.child.stdio[3]?.destroy();
    await this.exited;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}

/** A quorum of real metadata processes on this machine, with their data in a directory of its own. */
export class MetadataProcesses {
  readonly members = new Map<number, string>();
  readonly joined = new Map<number, string>();
  readonly #nodes = new Map<number, LoggedProcess>();
  readonly #health = new Map<number, number>();
  readonly #directory: string;
  readonly #options: NodeOptions;

  private constructor(options: NodeOptions) {
    this.#options = options;
    this.#directory = options.directory ?? mkdtempSync(join(tmpdir(), "odradek-metadata-"));
  }

  /** Their places, but nobody runs yet. */
  static async plan(count: number, options: NodeOptions = {}): Promise<MetadataProcesses> {
    const processes = new MetadataProcesses(options);
    const ports = await freePorts(2 * count);
    for (let id = 1; id <= count; id++) {
      processes.members.set(id, `127.0.0.1:${ports[2 * id - 2]}`);
      processes.#health.set(id, ports[2 * id - 1]!);
    }
    return processes;
  }

  node(id: number): LoggedProcess {
    return this.#nodes.get(id)!;
  }

  /** Where a node that is no founder will be; `members` stays what clients were told. */
  async newNode(id: number): Promise<string> {
    const [grpc, health] = await freePorts(2);
    this.joined.set(id, `127.0.0.1:${grpc}`);
    this.#health.set(id, health!);
    return this.joined.get(id)!;
  }

  address(id: number): string {
    return this.joined.get(id) ?? this.members.get(id)!;
  }

  directory(id: number): string {
    return join(this.#directory, String(id));
  }

  /** Everything the node ever wrote is gone. */
  wipe(id: number): void {
    rmSync(this.directory(id), { recursive: true, force: true });
  }

  /** Starts (or starts again) one node and waits until it serves: a founder, or one that joins, which serves when it was added. */
  async startNode(id: number): Promise<void> {
    const joined = this.joined.get(id);
    const peers = [...this.members, ...(joined === undefined ? [] : [[id, joined] as const])]
      .map(([member, address]) => `${member}=${address}`)
      .join(",");
    const args = [
      ...["--id", String(id), "--data-dir", this.directory(id), "--control-fd", "3"],
      ...["--listen", this.address(id), "--health", `127.0.0.1:${this.#health.get(id)}`],
      ...["--peers", peers, ...(joined === undefined ? [] : ["--join"])],
      ...(this.#options.flags ?? []),
    ];
    const node = new LoggedProcess(main, args, this.#options);
    this.#nodes.set(id, node);
    await node.event("READY", 60_000);
  }

  healthUrl(id: number): string {
    return `http://127.0.0.1:${this.#health.get(id)}`;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.kill("SIGKILL")));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
