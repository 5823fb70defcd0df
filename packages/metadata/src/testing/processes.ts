import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePorts, type LoggedOptions, LoggedProcess } from "@odradek/kit/testing";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** How the nodes of a quorum are started. */
export type NodeOptions = LoggedOptions & { flags?: readonly string[]; directory?: string };

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
    const node = new LoggedProcess([main, ...args], this.#options);
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
