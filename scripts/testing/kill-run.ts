import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as elapsed } from "node:timers/promises";
import { eventually } from "@odradek/kit/testing";
import { Kafka, logLevel } from "kafkajs";
import { KafkajsLoad } from "./kafkajs-load.ts";
import { LocalCluster } from "./local-cluster.ts";
import type { NodeProcess } from "./node-process.ts";
import { type Acked, LibrdkafkaProducer, longestGapMs, readAll, violations } from "./stranger.ts";
import { withTree } from "./tree.ts";

export type Kill = { target: string; librdkafkaGapMs: number; kafkajsGapMs: number };
export type KillReport = { kills: Kill[]; acked: number; ackedKafkajs: number; violations: string[] };
export type KillRunOptions = {
  rounds: number;
  /** How long a killed node stays down. */
  downMs: number;
  log: (line: string) => void;
  /** Leaves out the kills whose name does not match. */
  only?: RegExp;
  /** A directory for the nodes' data and logs that stays, with the kills and acknowledgements (`events.jsonl`) for `scripts/kill-timeline.ts`. */
  keep?: string;
};

const topics = { librdkafka: "fault-librdkafka", kafkajs: "fault-kafkajs" };

/** Starts a cluster and strangers, kills and restarts node after node, stops, reads everything back and judges. */
export async function killRun(options: KillRunOptions): Promise<KillReport> {
  await using cluster = await LocalCluster.start({
    brokers: 3,
    metadata: 3,
    ...(options.keep ? { dataDirectory: options.keep } : {}),
  });
  await createTopics(cluster);
  const producer = new LibrdkafkaProducer({ bootstrap: cluster.bootstrap, topic: topics.librdkafka, rate: 300 });
  const load = new KafkajsLoad({ bootstrap: cluster.bootstrap, topic: topics.kafkajs, group: "fault-group" });
  const kills: Kill[] = [];
  try {
    await load.start();
    const atWork = () => producer.acked.length > 100 && load.acked.length > 20 && load.consumed.size > 20;
    await eventually("clients at work", atWork);
    for (let round = 0; round < options.rounds; round++)
      for (const { target, nodes } of await victims(cluster)) {
        if (options.only && !options.only.test(target)) continue;
        kills.push(await killOnce(target, await nodes(), producer.acked, load.acked, options));
      }
    await producer.stop();
  } finally {
    producer.kill();
    await load.stop(30_000);
    note(options, ...producer.acked.map(({ atMs, partition }) => ({ is: "ack", atMs, partition })));
  }
  const stored = await readAll(cluster.bootstrap, topics.librdkafka);
  const storedKafkajs = await readAll(cluster.bootstrap, topics.kafkajs);
  return {
    kills,
    acked: producer.acked.length,
    ackedKafkajs: load.acked.length,
    violations: [
      ...violations(producer.acked, stored),
      ...violations(load.acked, storedKafkajs).map((text) => `kafkajs: ${text}`),
      ...load.problems,
      ...(producer.failed > 0 ? [`librdkafka gave up on ${producer.failed} records`] : []),
    ],
  };
}

type Victim = { target: string; nodes: () => Promise<NodeProcess[]> };

async function victims(cluster: LocalCluster): Promise<Victim[]> {
  const one = (node: NodeProcess): Victim => ({ target: node.name, nodes: async () => [node] });
  const leaders: Victim = {
    target: "controller and metadata leader",
    nodes: () =>
      withTree(cluster.metadataAddresses, async ({ session, metadataLeader }) => {
        const controller = JSON.parse((await session.get("/controller"))!.data.toString()) as { broker: number };
        return [cluster.brokers.get(controller.broker)!, cluster.metadata.get(await metadataLeader())!];
      }),
  };
  return [...[...cluster.brokers.values()].map(one), ...[...cluster.metadata.values()].map(one), leaders];
}

async function killOnce(
  target: string,
  nodes: NodeProcess[],
  acked: Acked[],
  ackedKafkajs: Acked[],
  options: KillRunOptions,
): Promise<Kill> {
  const fromMs = Date.now();
  await Promise.all(nodes.map((node) => node.kill()));
  note(options, { is: "killed", atMs: fromMs, target, nodes: nodes.map(({ name }) => name) });
  await elapsed(options.downMs);
  const startedMs = Date.now();
  note(options, { is: "restarted", atMs: startedMs, target });
  await Promise.all(nodes.map((node) => node.start()));
  // The node must be at work again before the next one goes, else two of three copies are away at once.
  await eventually(`acknowledgements after ${target} came back`, () => acked.at(-1)!.atMs > startedMs);
  await elapsed(3_000);
  const toMs = Date.now();
  const kill = {
    target,
    librdkafkaGapMs: longestGapMs(acked, fromMs, toMs),
    kafkajsGapMs: longestGapMs(ackedKafkajs, fromMs, toMs),
  };
  options.log(`${target.padEnd(32)} gap librdkafka ${kill.librdkafkaGapMs} ms, kafkajs ${kill.kafkajsGapMs} ms`);
  return kill;
}

function note(options: KillRunOptions, ...events: object[]): void {
  if (!options.keep || events.length === 0) return;
  appendFileSync(join(options.keep, "events.jsonl"), `${events.map((event) => JSON.stringify(event)).join("\n")}\n`);
}

async function createTopics(cluster: LocalCluster): Promise<void> {
  const admin = new Kafka({ brokers: cluster.bootstrap.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: Object.values(topics).map((topic) => ({ topic, numPartitions: 6, replicationFactor: 3 })),
  });
  await admin.disconnect();
}
