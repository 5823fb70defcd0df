import { ErrorCode } from "@odradek/protocol";
import { CreateTopicsApi } from "@odradek/protocol/messages/create-topics";
import { LocalCluster } from "../testing/local-cluster.ts";
import type { NodeProcess } from "../testing/node-process.ts";
import { isInSync, partitionsIn, pictureOf, seconds, step, until, WAIT_MS_MAX } from "./cluster-picture.ts";
import { cpuSeconds, residentBytes } from "./process-usage.ts";
import { type Address, ask } from "./wire.ts";

export type ScaleOptions = {
  readonly partitions: number;
  /** So many of them are topics of one partition, created by one request. */
  readonly topicsAtOnce: number;
  readonly say: (line: string) => void;
};

/** Partitions of each of the other topics. */
const PARTITIONS_EACH = 1000;
const REPLICAS = 3;

/**
 * Many partitions on three brokers: how long one request for many topics takes, what a partition costs in memory, how soon the partitions of
 * a killed leader are led again, how soon it is back, and how soon the whole cluster starts with all of them.
 */
export const scale = (options: ScaleOptions): Promise<void> =>
  LocalCluster.during({ brokers: 3, metadata: 3 }, (cluster) => measure(cluster, options));

async function measure(cluster: LocalCluster, { partitions, topicsAtOnce, say }: ScaleOptions): Promise<void> {
  const at = (id: number): Address => ({ host: "127.0.0.1", port: cluster.kafkaPorts.get(id)! });
  const nodes = [...cluster.brokers.values()];
  const before = nodes.map(resident);

  const few = Math.min(topicsAtOnce, partitions);
  const names = Array.from({ length: few }, (_, index) => `one-${index}`);
  let late = 0;
  const together = await step("topics in one request", async () => (late = await create(at(1), names, 1)));
  say(`${few} topics in one request: ${seconds(together)}${late > 0 ? `, ${late} were not answered in time` : ""}`);
  const rest = partitions - few;
  const created = await step("more partitions", async () => {
    for (let done = 0; done < rest; done += PARTITIONS_EACH)
      await create(at(1), [`many-${done}`], Math.min(PARTITIONS_EACH, rest - done));
  });
  const joined = await until("all in sync", at(1), isInSync(REPLICAS));
  say(`${rest} more partitions: ${seconds(created)}, all in sync ${seconds(joined)} later`);

  const grown = nodes.map((node, index) => resident(node) - before[index]!);
  const each = grown.reduce((sum, bytes) => sum + bytes, 0) / (partitions * REPLICAS);
  say(
    `memory: ${megabytes(before)} before, ${megabytes(nodes.map(resident))} now, ${(each / 1024).toFixed(1)} KiB a replica`,
  );

  const led = partitionsIn(await pictureOf(at(2))).filter(({ leaderId }) => leaderId === 1).length;
  await cluster.brokers.get(1)!.kill();
  const failover = await until("others lead after broker 1 was killed", at(2), ({ leaderId }) => leaderId > 1);
  say(`broker 1 killed, which led ${led}: others lead all of them after ${seconds(failover)}`);
  const back = await step("start of broker 1", () => cluster.brokers.get(1)!.start(WAIT_MS_MAX));
  const spent = computed([cluster.brokers.get(1)!]);
  const caughtUp = await until("in sync with broker 1", at(2), isInSync(REPLICAS));
  say(`broker 1 started: ready after ${seconds(back)} (${spent} of computing), all in sync ${seconds(caughtUp)} later`);

  await Promise.all(nodes.map((node) => node.stop(WAIT_MS_MAX)));
  const started = await step("start of all", () => Promise.all(nodes.map((node) => node.start(WAIT_MS_MAX))));
  const spentByAll = computed(nodes);
  const whole = await until("all in sync after the start", at(1), isInSync(REPLICAS));
  say(
    `all brokers stopped in order and started: ready after ${seconds(started)} (${spentByAll} of computing), all in sync ${seconds(whole)} later`,
  );
}

/** Topics that were not answered in time are asked for again, as a client would; returns how many there were. */
async function create(to: Address, names: readonly string[], numPartitions: number): Promise<number> {
  const each = { numPartitions, replicationFactor: REPLICAS, assignments: [], configs: [] };
  const request = { topics: names.map((name) => ({ name, ...each })), timeoutMs: WAIT_MS_MAX, validateOnly: false };
  const { topics } = await ask(to, CreateTopicsApi, 5, request, { timeoutMs: WAIT_MS_MAX });
  const late = topics.filter(({ errorCode }) => errorCode === ErrorCode.REQUEST_TIMED_OUT).map(({ name }) => name);
  const isBad = ({ errorCode }: { errorCode: number }): boolean =>
    ![ErrorCode.NONE, ErrorCode.REQUEST_TIMED_OUT, ErrorCode.TOPIC_ALREADY_EXISTS].includes(errorCode as 0);
  const bad = topics.find(isBad);
  if (bad !== undefined) throw new Error(`${bad.name}: error ${bad.errorCode}`);
  return late.length === 0 ? 0 : late.length + (await create(to, late, numPartitions));
}

const resident = ({ pid }: NodeProcess): number => residentBytes(pid!);

/** Of processors, on which a crowded machine makes a process wait. */
const computed = (nodes: readonly NodeProcess[]): string =>
  seconds(1000 * nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0));

const megabytes = (bytes: readonly number[]): string => `${bytes.map((one) => (one / 1e6).toFixed(0)).join(", ")} MB`;
