import { type Clock, type Logger, silentLogger } from "@odradek/kit";
import { SeededRandom, type VirtualClock } from "@odradek/kit/testing";
import { Cluster } from "../cluster/cluster.ts";
import { brokerConfigFrom } from "../config.ts";
import type { MemorySession, MemoryTree } from "./memory-session.ts";

export type TestCluster = {
  cluster: Cluster;
  /** The newest session; `expire()` it to make the broker look dead. */
  session(): MemorySession;
};

/** One broker's `Cluster` on a tree in memory, registered with a listener PLAINTEXT on port 9091 + id. */
export async function startTestCluster(options: {
  tree: MemoryTree;
  brokerId: number;
  clock: Clock;
  settings?: Record<string, string>;
  logger?: Logger;
  /** Distinguishes two lives of one broker. */
  seed?: number;
  mayHaveLost?: boolean;
  hasOffline?: () => boolean;
}): Promise<TestCluster> {
  const { tree, brokerId, clock, settings = {}, logger = silentLogger, seed = brokerId } = options;
  const { mayHaveLost = false, hasOffline = () => false } = options;
  let session: MemorySession;
  const cluster = await Cluster.start({
    config: brokerConfigFrom(new Map([["node.id", String(brokerId)], ...Object.entries(settings)])),
    connect: () => Promise.resolve((session = tree.open())),
    clock: ticking(clock),
    random: new SeededRandom(seed),
    logger,
  });
  await cluster.register(
    {
      endpoints: [{ name: "PLAINTEXT", host: "127.0.0.1", port: 9091 + brokerId }],
      grpcAddress: `127.0.0.1:${19091 + brokerId}`,
      rack: null,
    },
    { mayHaveLost, hasOffline },
  );
  return { cluster, session: () => session };
}

/** Brokers 1 and 2 on one tree, once they see each other. */
export async function startTestPair(tree: MemoryTree, clock: VirtualClock): Promise<[TestCluster, TestCluster]> {
  const one = await startTestCluster({ tree, brokerId: 1, clock });
  const two = await startTestCluster({ tree, brokerId: 2, clock });
  await passUntil(clock, () => one.cluster.image.brokers.size === 2);
  return [one, two];
}

/** The same time, but ticks end by themselves: a test need not let time pass for what happens at once. */
export const ticking = (clock: Clock): Clock => ({
  now: () => clock.now(),
  wallMs: () => clock.wallMs(),
  timer: (delayMs, run) => clock.timer(delayMs, run),
  afterTick: (run) => void setImmediate(run),
});

/** Lets virtual time pass until `holds`; throws after `withinMs` of it. */
export async function passUntil(clock: VirtualClock, holds: () => boolean, withinMs = 30_000): Promise<void> {
  const endMs = clock.now() + withinMs;
  await clock.advance(0);
  while (!holds()) {
    if (clock.now() >= endMs) throw new Error(`not so within ${withinMs} ms: ${holds.toString()}`);
    await clock.advance(10);
  }
}
