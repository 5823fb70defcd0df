import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { resolveTopicConfig } from "../config.ts";
import type { Assignment, Peer } from "../partition/assignment.ts";
import type { Order, Told } from "./replication-node.ts";

const TOPIC_ID = Buffer.alloc(16, 5).toString("base64url");

/** Brokers' replication in processes of their own; whoever holds this is the controller. */
export class ReplicationProcesses {
  readonly #directory: string;
  readonly #nodes = new Map<number, { child: ChildProcess; port: number; incarnation: string }>();
  #revision = 1;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(id: number): Promise<void> {
    const module = fileURLToPath(new URL("replication-node.ts", import.meta.url));
    const child = fork(module, [String(id), `${this.#directory}/${id}`], { serialization: "advanced" });
    const told = (await messageOf(id, child)) as Extract<Told, { is: "listening" }>;
    this.#nodes.set(id, { child, port: told.port, incarnation: `${id}@${++this.#revision}` });
  }

  async kill(id: number): Promise<void> {
    const { child } = this.#nodes.get(id)!;
    this.#nodes.delete(id);
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Tells every process who leads. */
  assign(
    node: Pick<Assignment, "leader" | "leaderEpoch" | "isr" | "replicas"> & { partitions: number; min?: number },
  ): void {
    const { partitions, min = 1, ...rest } = node;
    const config = resolveTopicConfig({ topic: {}, broker: {}, brokers: {}, static: new Map() });
    const revision = ++this.#revision;
    const assignments = Array.from({ length: partitions }, (_, partition) => ({
      topic: "load",
      topicId: TOPIC_ID,
      partition,
      version: revision,
      leadsSinceRegistration: true,
      hasEligible: false,
      config: { ...config, minInsyncReplicas: min },
      ...rest,
    }));
    const brokers: Peer[] = [...this.#nodes].map(([id, { port, incarnation }]) => {
      return { id, grpcAddress: `127.0.0.1:${port}`, incarnation, shuttingDown: false };
    });
    for (const { child } of this.#nodes.values())
      child.send({ is: "picture", brokers, assignments, revision } satisfies Order);
  }

  async append(
    id: number,
    order: Omit<Extract<Order, { is: "append" }>, "is">,
  ): Promise<Extract<Told, { is: "appended" }>> {
    return (await this.#ask(id, { is: "append", ...order })) as Extract<Told, { is: "appended" }>;
  }

  async state(id: number, partition = 0): Promise<Extract<Told, { is: "state" }>> {
    return (await this.#ask(id, { is: "state", partition })) as Extract<Told, { is: "state" }>;
  }

  /** Lets every process end by itself; one that hangs is killed. */
  async close(): Promise<void> {
    for (const { child } of this.#nodes.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.disconnect();
      const kill = setTimeout(() => child.kill("SIGKILL"), 3000);
      await exited;
      clearTimeout(kill);
    }
    this.#nodes.clear();
  }

  async #ask(id: number, order: Order): Promise<Told> {
    const { child } = this.#nodes.get(id)!;
    const answer = messageOf(id, child);
    child.send(order);
    return answer;
  }
}

/** What the process says next; rejects when it ends instead. */
async function messageOf(id: number, child: ChildProcess): Promise<Told> {
  const heard = new AbortController();
  const ended = once(child, "exit", { signal: heard.signal }).then(([code, signal]: unknown[]) => {
    throw new Error(`process ${id} ended with ${String(signal ?? code)}`);
  });
  ended.catch(() => undefined); // aborted when a message comes first
  try {
    const message = once(child, "message", { signal: heard.signal }) as Promise<[Told]>;
    return (await Promise.race([message, ended]))[0];
  } finally {
    heard.abort();
  }
}
