import { assert, NodeFiles, silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { Batch } from "@odradek/protocol";
import { grpcRpc } from "@odradek/rpc";

import { brokerConfigFrom } from "../config.ts";
import { Directories } from "../log/directories.ts";
import type { Assignment, Peer } from "../partition/assignment.ts";
import { Replicas } from "../replica/replicas.ts";
import { serveReplication } from "../server/replication-server.ts";

// One broker's replication and nothing else, as a process that is told over IPC what the cluster looks like.

export type Order =
  | { is: "picture"; brokers: Peer[]; assignments: Assignment[]; revision: number }
  | { is: "append"; partitions: number; records: string; acks: -1 | 1; depth: number; forMs: number }
  | { is: "state"; partition: number };
export type Told =
  | { is: "listening"; port: number }
  | { is: "appended"; count: number; errors: number }
  | { is: "state"; role: string; end: number; high: number; isr: number[] };

const TOPIC = "load";
const [id, directory] = [Number(process.argv[2]), process.argv[3]];
assert(directory, "usage: replication-node ID DIRECTORY");
const logger = silentLogger;
const clock = new SystemClock();
const files = new NodeFiles();
const rpc = grpcRpc();
const random = new SystemRandom();
const config = brokerConfigFrom(new Map([["node.id", String(id)]]));
const logs = await Directories.open({
  directories: [directory],
  files,
  clock,
  random,
  logger,
  clusterId: "c",
  nodeId: id,
  recoveriesAtOnce: 2,
  flush: config.log.flush,
});
const inSyncStore = { propose: () => Promise.resolve("rejected" as const) };
const replicas = new Replicas({ brokerId: id, logs, rpc, clock, files, logger, inSyncStore, config });
const server = rpc.server();
const partitionById = (topicId: string, index: number) => replicas.partitionById(topicId, index);
const throttledRate = (): number => Infinity;
serveReplication(server, { brokerId: id, clock, logger, partitionById, throttledRate });
tell({ is: "listening", port: await server.listen("127.0.0.1:0") });
process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit());

async function obey(order: Order): Promise<void> {
  if (order.is === "picture") {
    replicas.apply({ ...order, brokers: new Map(order.brokers.map((peer) => [peer.id, peer])) });
    await replicas.settled();
  } else if (order.is === "append") tell(await load(order));
  else {
    const partition = replicas.partition(TOPIC, order.partition);
    const { is: role } = partition?.role ?? { is: "absent" };
    tell({
      is: "state",
      role,
      end: partition?.end ?? -1,
      high: partition?.high.value ?? -1,
      isr: [...(partition?.isr ?? [])],
    });
  }
}

/** Keeps `depth` appends under way, round robin over the partitions. */
async function load(order: Extract<Order, { is: "append" }>): Promise<Told> {
  const untilMs = clock.now() + order.forMs;
  let [count, errors] = [0, 0];
  const lane = async (lane: number): Promise<void> => {
    const records = Buffer.from(order.records, "base64");
    for (let round = lane; clock.now() < untilMs; round += order.depth) {
      const partition = replicas.partition(TOPIC, round % order.partitions);
      assert(partition, "the partition is here");
      new Batch(records).baseOffset = 0;
      const { error } = await partition.append(records, { acks: order.acks, timeoutMs: 10_000, origin: "client" });
      if (error === 0) count++;
      else errors++;
    }
  };
  await Promise.all(Array.from({ length: order.depth }, (_, index) => lane(index)));
  return { is: "appended", count, errors };
}

function tell(told: Told): void {
  process.send?.(told);
}
