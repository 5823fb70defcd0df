import { spawn } from "node:child_process";
import { once } from "node:events";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { LocalCluster } from "../../testing/local-cluster.ts";
import { type Address, ask } from "../wire.ts";

/** Brokers that may be killed. */
export type System = {
  readonly name: string;
  readonly brokers: ReadonlyMap<number, Address>;
  /** kill -9; resolves soon after the signal. */
  kill(id: number): Promise<void>;
  /** Resolves when the process has begun. */
  start(id: number): Promise<void>;
  close(): Promise<void>;
};

export async function odradek(): Promise<System> {
  const cluster = await LocalCluster.start({ brokers: 3, metadata: 3 });
  return {
    name: "Odradek",
    brokers: new Map([...cluster.kafkaPorts].map(([id, port]) => [id, { host: "127.0.0.1", port }])),
    kill: async (id) => cluster.brokers.get(id)!.signal("SIGKILL"),
    start: async (id) => {
      const node = cluster.brokers.get(id)!;
      await node.kill(); // is gone, for its ports to be free
      await node.start();
    },
    close: () => cluster.stop(),
  };
}

export type PeerCommands = { readonly kill: string; readonly start: string };

/** Another Kafka, which is there already; shell commands kill and start one of its brokers, with its id in the place of `{id}`. */
export async function peer(bootstrap: Address, commands: PeerCommands): Promise<System> {
  const { brokers } = await ask(bootstrap, MetadataApi, 9, { topics: [], allowAutoTopicCreation: false });
  const run = async (command: string, id: number): Promise<void> => {
    const shell = spawn("sh", ["-c", command.replaceAll("{id}", String(id))], { stdio: ["ignore", 2, 2] });
    const [code] = (await once(shell, "exit")) as [number | null];
    if (code !== 0) throw new Error(`"${command}" for broker ${id} ended with ${code}`);
  };
  return {
    name: `${bootstrap.host}:${bootstrap.port}`,
    brokers: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    kill: (id) => run(commands.kill, id),
    start: (id) => run(commands.start, id),
    close: () => Promise.resolve(),
  };
}
