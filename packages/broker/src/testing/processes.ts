import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePorts } from "@odradek/kit/testing";
import { v8Flags } from "../v8-flags.ts";

const metadataMain = fileURLToPath(new URL("../../../metadata/src/main.ts", import.meta.url));
const brokerMain = fileURLToPath(new URL("../main.ts", import.meta.url));

export type Line = { evt?: string; msg?: string; level?: number; ports?: Record<string, number> };

/** A real node that logs JSON lines; the last lines are kept for the message of a test that fails. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exited: Promise<unknown>;
  #seen: () => void = () => {};

  /** `descriptorsMax`: what it may have open at once (ulimit -n). */
  constructor(command: readonly string[], options: { descriptorsMax?: number | undefined } = {}) {
    const { descriptorsMax } = options;
    const limited = descriptorsMax === undefined ? [] : ["sh", "-c", 'ulimit -n "$0"; exec "$@"', `${descriptorsMax}`];
    const [program, ...args] = [...limited, process.execPath, ...command];
    this.child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    this.child.stdio[3]?.on("error", () => {});
    this.exited = once(this.child, "exit");
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface(stream).on("line", (line) => {
        this.lines.push(line.startsWith("{") ? (JSON.parse(line) as Line) : { msg: line });
        this.#seen();
      });
    void this.exited.then(() => this.#seen());
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the first line of this event; rejects when the process ends without it or `timeoutMs` pass. */
  async event(evt: string, timeoutMs = 20_000): Promise<Line> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const line = this.lines.find((each) => each.evt === evt);
      if (line) return line;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || !this.isRunning) throw new Error(`no ${evt}; last lines:\n${this.tail()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#seen = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  tail(): string {
    return this.lines
      .slice(-25)
      .map((line) => JSON.stringify(line))
      .join("\n");
  }

  /** Node may hang in its own exit, so whoever has said STOPPED, and whoever does not in time, is killed. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 15_000): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill(signal);
    if (signal !== "SIGKILL") await this.event("STOPPED", timeoutMs).catch(() => {});
    const cancel = setTimeout(() => this.child.kill("SIGKILL"), 500);
    await this.exited;
    clearTimeout(cancel);
  }

  /** Resident memory in MiB (Linux). */
  async residentMiB(): Promise<number> {
    const { readFile } = await import("node:fs/promises");
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }
}

type BrokerOptions = {
  settings?: string[];
  racks?: string[];
  /** Data directories that brokers have besides their own, by number. */
  disks?: ReadonlyMap<number, string>;
  /** What each broker may have open at once (ulimit -n). */
  descriptorsMax?: number;
};

/** A cluster of real processes on this machine, its data in a directory of its own. Killed brokers come back on the same ports. */
export class ProcessCluster {
  readonly brokers = new Map<number, NodeProcess>();
  readonly metadata = new Map<number, NodeProcess>();
  readonly #directory = mkdtempSync(join(tmpdir(), "odradek-broker-"));
  readonly #settings: readonly string[];
  readonly #racks: readonly string[];
  /** Data directories that brokers have besides their own, by number. */
  readonly #disks: ReadonlyMap<number, string>;
  readonly #descriptorsMax: number | undefined;
  readonly #metadataPorts: readonly number[];
  readonly #brokerPorts: readonly number[];

  private constructor(
    { settings = [], racks = [], disks = new Map(), descriptorsMax }: BrokerOptions,
    metadataPorts: readonly number[],
    brokerPorts: readonly number[],
  ) {
    this.#disks = disks;
    this.#racks = racks;
    this.#descriptorsMax = descriptorsMax;
    this.#settings = settings;
    this.#metadataPorts = metadataPorts;
    this.#brokerPorts = brokerPorts;
  }

  static async start(options: { metadata: number; brokers: number } & BrokerOptions): Promise<ProcessCluster> {
    const ports = await freePorts(options.metadata + options.brokers);
    const factor = Math.min(3, options.brokers);
    const settings = [
      `default.replication.factor=${factor}`,
      `offsets.topic.replication.factor=${factor}`,
      `min.insync.replicas=${factor === 3 ? 2 : 1}`,
      "group.initial.rebalance.delay.ms=0",
      ...(options.settings ?? []),
    ];
    const { metadata } = options;
    const cluster = new ProcessCluster({ ...options, settings }, ports.slice(0, metadata), ports.slice(metadata));
    try {
      const nodes = ports.slice(0, metadata).map((_, index) => cluster.startMetadata(index + 1));
      const brokers = ports.slice(metadata).map((_, index) => cluster.startBroker(index + 1));
      await Promise.all([...nodes, ...brokers]);
    } catch (cause) {
      await cluster.close();
      throw cause;
    }
    return cluster;
  }

  /** Where Kafka clients begin. */
  get bootstrap(): string[] {
    return this.#brokerPorts.map((port) => `127.0.0.1:${port}`);
  }

  brokerPort(id: number): number {
    return this.#brokerPorts[id - 1]!;
  }

  /** Where the broker keeps its partitions. */
  dataDirectory(id: number): string {
    return join(this.#directory, `broker-${id}`);
  }

  broker(id: number): NodeProcess {
    return this.brokers.get(id)!;
  }

  async startMetadata(id: number): Promise<void> {
    const address = `127.0.0.1:${this.#metadataPorts[id - 1]}`;
    const directory = join(this.#directory, `metadata-${id}`);
    const flags = ["--id", String(id), "--data-dir", directory, "--listen", address, "--peers", this.#members];
    const node = new NodeProcess([metadataMain, ...flags, "--health", "127.0.0.1:0", "--control-fd", "3"]);
    this.metadata.set(id, node);
    await node.event("READY");
  }

  async startBroker(id: number): Promise<void> {
    const flags = [
      ...["--id", String(id), "--data-dir", [this.dataDirectory(id), this.#disks.get(id) ?? []].flat().join(",")],
      ...["--kafka", `127.0.0.1:${this.brokerPort(id)}`, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"],
      ...["--metadata", this.#members, "--control-fd", "3"],
      ...(this.#racks[id - 1] ? ["--set", `broker.rack=${this.#racks[id - 1]}`] : []),
      ...this.#settings.flatMap((setting) => ["--set", setting]),
    ];
    const node = new NodeProcess([...v8Flags, brokerMain, ...flags], { descriptorsMax: this.#descriptorsMax });
    this.brokers.set(id, node);
    await node.event("READY");
  }

  async close(): Promise<void> {
    const nodes = [...this.brokers.values(), ...this.metadata.values()];
    await Promise.all(nodes.map((node) => node.stop("SIGKILL")));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #members(): string {
    return this.#metadataPorts.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(",");
  }
}

export type Ran = { code: number | null; stdout: string; stderr: string };

/** Runs a program to its end; killed after `timeoutMs`. */
export async function runProgram(
  command: readonly string[],
  options: { input?: string | Buffer; timeoutMs?: number } = {},
): Promise<Ran> {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: "pipe" });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 30_000);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.stdin.on("error", () => {}); // a program that ends early does not read its input
  child.stdin.end(options.input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code, ...output };
}
