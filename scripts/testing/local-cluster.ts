import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { v8Flags as brokerFlags } from "@odradek/broker/v8-flags";
import { freePorts } from "@odradek/kit/testing";
import { v8Flags as metadataFlags } from "@odradek/metadata/v8-flags";
import { NodeProcess } from "./node-process.ts";

const root = resolve(import.meta.dirname, "../..");

export type LocalClusterOptions = {
  brokers: number;
  metadata: number;
  /** Broker settings besides those that `odradek dev` gives. */
  settings?: Record<string, string>;
  /** Kept when given, else a temporary directory that is removed at the end. */
  dataDirectory?: string;
};

/** A whole cluster of real processes on free ports of 127.0.0.1, with nodes that can be killed and started again. */
export class LocalCluster {
  readonly directory: string;
  readonly brokers = new Map<number, NodeProcess>();
  readonly metadata = new Map<number, NodeProcess>();
  readonly metadataAddresses = new Map<number, string>();
  readonly kafkaPorts = new Map<number, number>();
  #temporary: boolean;

  private constructor(directory: string, temporary: boolean) {
    this.directory = directory;
    this.#temporary = temporary;
  }

  /** Starts everything and waits until every process is ready. */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const directory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), "odradek-cluster-"));
    const cluster = new LocalCluster(directory, options.dataDirectory === undefined);
    const ports = await freePorts(options.metadata * 2 + options.brokers * 3);
    cluster.#layMetadata(options.metadata, ports);
    cluster.#layBrokers(options, ports);
    try {
      const all = [...cluster.metadata.values(), ...cluster.brokers.values()];
      await Promise.all(all.map((node) => node.start()));
    } catch (cause) {
      cluster.#temporary = false; // the error names a log in it
      await cluster.stop();
      throw new Error("the cluster did not start", { cause });
    }
    return cluster;
  }

  /** "127.0.0.1:P1,127.0.0.1:P2,…" of every broker, dead or alive. */
  get bootstrap(): string {
    return [...this.kafkaPorts.values()].map((port) => `127.0.0.1:${port}`).join(",");
  }

  /** Runs the work on a cluster of its own. When it fails, data and logs stay to be looked at, and the error says where. */
  static async during(options: LocalClusterOptions, work: (cluster: LocalCluster) => Promise<void>): Promise<void> {
    await using cluster = await LocalCluster.start(options);
    const nodes = [...cluster.metadata.values(), ...cluster.brokers.values()];
    const died = Promise.withResolvers<never>();
    for (const node of nodes) node.onDied = () => died.reject(new Error(`${node.name} has ended by itself`));
    try {
      await Promise.race([work(cluster), died.promise]);
    } catch (cause) {
      cluster.#temporary = false;
      const gone = nodes.filter(({ running }) => !running).map(({ name }) => name);
      const ended = gone.length === 0 ? "" : `; not running: ${gone.join(", ")}`;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${reason}${ended}; logs: ${join(cluster.directory, "*.log")}`, { cause });
    }
  }

  /** Stops brokers, then metadata nodes; kills what does not stop. */
  async stop(): Promise<void> {
    await Promise.all([...this.brokers.values()].map((node) => node.stop()));
    await Promise.all([...this.metadata.values()].map((node) => node.stop()));
    if (this.#temporary) rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #layMetadata(count: number, ports: number[]): void {
    for (let id = 1; id <= count; id++) this.metadataAddresses.set(id, `127.0.0.1:${ports.pop()!}`);
    for (const [id, address] of this.metadataAddresses)
      this.metadata.set(
        id,
        this.#node(`metadata-${id}`, [
          ...metadataFlags,
          join(root, "packages/metadata/src/main.ts"),
          ...["--id", String(id), "--listen", address, "--health", `127.0.0.1:${ports.pop()!}`],
          ...["--peers", this.#members()],
        ]),
      );
  }

  #layBrokers(options: LocalClusterOptions, ports: number[]): void {
    const replicas = String(Math.min(3, options.brokers));
    const settings = {
      "default.replication.factor": replicas,
      "offsets.topic.replication.factor": replicas,
      "min.insync.replicas": options.brokers >= 3 ? "2" : "1",
      "group.initial.rebalance.delay.ms": "0",
      ...options.settings,
    };
    for (let id = 1; id <= options.brokers; id++) {
      const kafka = ports.pop()!;
      this.kafkaPorts.set(id, kafka);
      this.brokers.set(
        id,
        this.#node(`broker-${id}`, [
          ...brokerFlags,
          join(root, "packages/broker/src/main.ts"),
          ...["--id", String(id), "--kafka", `127.0.0.1:${kafka}`, "--advertised", `127.0.0.1:${kafka}`],
          ...[
            "--grpc",
            `127.0.0.1:${ports.pop()!}`,
            "--http",
            `127.0.0.1:${ports.pop()!}`,
            "--metadata",
            this.#members(),
          ],
          ...Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
        ]),
      );
    }
  }

  #members(): string {
    return [...this.metadataAddresses].map(([id, address]) => `${id}=${address}`).join(",");
  }

  #node(name: string, command: string[]): NodeProcess {
    const data = join(this.directory, name);
    mkdirSync(data, { recursive: true });
    return new NodeProcess(name, [...command, "--data-dir", data], join(this.directory, `${name}.log`));
  }
}
