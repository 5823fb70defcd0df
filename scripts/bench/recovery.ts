import { join } from "node:path";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { LocalCluster } from "../testing/local-cluster.ts";
import type { NodeProcess } from "../testing/node-process.ts";
import { isInSync, partitionsIn, pictureOf, seconds, step, until, WAIT_MS_MAX } from "./cluster-picture.ts";
import { fillLogs } from "./fill-log.ts";
import { run } from "./load.ts";
import { batchOf, produceConversation } from "./shapes.ts";
import { type Address, makeTopic, requestBytes } from "./wire.ts";

export type RecoveryOptions = {
  /** In the logs of each broker. */
  readonly gibibytes: number;
  readonly segments: number;
  readonly say: (line: string) => void;
};

const TOPIC = "stored";
const PARTITIONS = 10;
const REPLICAS = 3;
const WRITING_MS = 20_000;
const KILLED_AFTER_MS = 10_000;
const REQUEST_BYTES = 1024 * 1024;

/**
 * How soon a broker with much data serves again, and is in sync again, after an orderly stop and after kill -9 under load. The data is put
 * under stopped brokers, the same under all three, for writing it through them would only take longer.
 */
export const recovery = (options: RecoveryOptions): Promise<void> =>
  LocalCluster.during({ brokers: 3, metadata: 3 }, (cluster) => measure(cluster, options));

async function measure(cluster: LocalCluster, { gibibytes, segments, say }: RecoveryOptions): Promise<void> {
  const at = (id: number): Address => ({ host: "127.0.0.1", port: cluster.kafkaPorts.get(id)! });
  const nodes = [...cluster.brokers.values()];
  const each = Math.max(1, Math.round(segments / PARTITIONS));
  const segmentBytes = Math.ceil((gibibytes * 2 ** 30) / (each * PARTITIONS));
  const settings = { "segment.bytes": String(segmentBytes), "min.insync.replicas": "2" };
  await makeTopic(at(1), { name: TOPIC, partitions: PARTITIONS, replicas: [1, 2, 3], settings });
  await Promise.all(nodes.map((node) => node.stop(WAIT_MS_MAX)));
  for (const id of cluster.brokers.keys())
    fillLogs(join(cluster.directory, `broker-${id}`), {
      topic: TOPIC,
      partitions: PARTITIONS,
      segments: each,
      segmentBytes,
    });
  say(`${gibibytes} GiB in ${each * PARTITIONS} segments on each of three brokers`);
  const started = await step("start of all", () => Promise.all(nodes.map((node) => node.start(WAIT_MS_MAX))));
  const joined = await until("all in sync", at(2), isInSync(REPLICAS));
  say(`all three started: ready after ${seconds(started)}, in sync ${seconds(joined)} later`);

  const restarted = async (id: number, how: string, end: (node: NodeProcess) => Promise<unknown>): Promise<void> => {
    const node = cluster.brokers.get(id)!;
    await end(node);
    const ready = await step(how, () => node.start(WAIT_MS_MAX));
    const inSync = await until(how, at(id === 1 ? 2 : 1), isInSync(REPLICAS));
    say(`${how}: ready after ${seconds(ready)}, in sync ${seconds(inSync)} later`);
  };
  await restarted(1, "a broker stopped in order and started", (node) => node.stop(WAIT_MS_MAX));

  const picture = partitionsIn(await pictureOf(at(1)));
  const leader = picture[0]!.leaderId;
  const led = picture.filter(({ leaderId }) => leaderId === leader).map(({ partitionIndex }) => partitionIndex);
  const writing = write(at(leader), led);
  await new Promise((enough) => setTimeout(enough, KILLED_AFTER_MS));
  await restarted(leader, "a leader killed under load and started", (node) => node.kill());
  await writing;
}

/** Writes to the partitions as fast as they take it, until the broker is gone. */
async function write(to: Address, partitions: readonly number[]): Promise<void> {
  const { bytes: records } = batchOf(Math.floor(REQUEST_BYTES / partitions.length), 100);
  const topicData = [{ name: TOPIC, partitionData: partitions.map((index) => ({ index, records })) }];
  const request = requestBytes(ProduceApi, 9, { transactionalId: null, acks: 1, timeoutMs: 30_000, topicData });
  const load = {
    connections: 1,
    depth: 4,
    warmupMs: 0,
    measureMs: WRITING_MS,
    conversation: () => produceConversation(request),
  };
  await run({ ...to, ...load }).catch(() => undefined); // it is killed meanwhile
}
