import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts, LoggedProcess } from "@odradek/kit/testing";
import { v8Flags } from "../v8-flags.ts";

const metadataMain = fileURLToPath(new URL("../../../metadata/src/main.ts", import.meta.url));
const brokerMain = fileURLToPath(new URL("../main.ts", import.meta.url));

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
  readonly brokers = new Map<number, LoggedProcess>();
  readonly metadata = new Map<number, LoggedProcess>();
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

  broker(id: number): LoggedProcess {
    return this.brokers.get(id)!;
  }

  async startMetadata(id: number): Promise<void> {
    const address = `127.0.0.1:${this.#metadataPorts[id - 1]}`;
    const directory = join(this.#directory, `metadata-${id}`);
    const flags = ["--id", String(id), "--data-dir", directory, "--listen", address, "--peers", this.#members];
    const node = new LoggedProcess([metadataMain, ...flags, "--health", "127.0.0.1:0", "--control-fd", "3"]);
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
    const command =
      this.#descriptorsMax === undefined ? [] : ["sh", "-c", 'ulimit -n "$0"; exec "$@"', `${this.#descriptorsMax}`];
    const node = new LoggedProcess([...v8Flags, brokerMain, ...flags], { command });
    this.brokers.set(id, node);
    await node.event("READY");
  }

  async close(): Promise<void> {
    const nodes = [...this.brokers.values(), ...this.metadata.values()];
    await Promise.all(nodes.map((node) => node.kill("SIGKILL")));
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
