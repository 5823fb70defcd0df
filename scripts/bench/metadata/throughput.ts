import { distributionOf } from "../figures.ts";
import { cpuSeconds } from "../process-usage.ts";
import { connectToLeader, members, type Store, type StoreClient } from "./store.ts";

/** One row for one store. Cores: how many were busy on average, of the load generator and of all three members. */
export type Throughput = {
  clients: number;
  operationsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  generatorCores: number;
  storeCores: number;
};

const nodes = 256;
const data = Buffer.alloc(256, 0x61);
const pathOf = (number: number): string => `/bench/throughput/${number % nodes}`;

/** Makes the nodes that are read and written. */
export async function prepareThroughput(store: Store): Promise<void> {
  const client = await connectToLeader(store);
  const paths = Array.from({ length: nodes }, (_, number) => pathOf(number));
  await client.createAll(paths, data);
  client.close();
}

/** A closed loop: every client has a connection to the leader, a node of its own, and one operation in flight. */
export async function measureThroughput(
  store: Store,
  operation: "write" | "read",
  clients: number,
  timing: { warmupMs: number; measureMs: number },
): Promise<Throughput> {
  const leader = await store.leader();
  const connected = await Promise.all(Array.from({ length: clients }, () => store.connect(leader)));
  const latencies: number[] = [];
  let isMeasuring = false;
  let isOver = false;
  const loop = async (client: StoreClient, path: string): Promise<void> => {
    while (!isOver) {
      const begunMs = performance.now();
      if (operation === "write") await client.write(path, data);
      else await client.read(path);
      if (isMeasuring) latencies.push(performance.now() - begunMs);
    }
  };
  const loops = connected.map((client, number) => loop(client, pathOf(number)));
  const over = Promise.all(loops);
  const elapse = (ms: number): Promise<unknown> =>
    Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), over]);
  await elapse(timing.warmupMs);
  const before = usage(store);
  isMeasuring = true;
  await elapse(timing.measureMs);
  isMeasuring = false;
  const after = usage(store);
  isOver = true;
  await over;
  for (const client of connected) client.close();
  const seconds = (after.atMs - before.atMs) / 1000;
  const { p50, p99 } = distributionOf(latencies);
  return {
    clients,
    operationsPerSecond: latencies.length / seconds,
    p50Ms: p50,
    p99Ms: p99,
    generatorCores: (after.generator - before.generator) / seconds,
    storeCores: (after.store - before.store) / seconds,
  };
}

function usage(store: Store): { atMs: number; generator: number; store: number } {
  const { user, system } = process.cpuUsage();
  const cpu = members.reduce<number>((sum, member) => sum + cpuSeconds(store.member(member).pid), 0);
  return { atMs: performance.now(), generator: (user + system) / 1e6, store: cpu };
}
