import { type Clock, delay, type Files, type Logger, type Net, type Random, type Rpc } from "@odradek/kit";
import { answerKnocks, openSession } from "@odradek/metadata/client";
import { ByteBudget } from "./api/byte-budget.ts";
import { FetchSessions } from "./api/fetch-sessions.ts";
import { handlerFor } from "./api/handlers.ts";
import type { Parts } from "./api/handler.ts";
import { Pictures } from "./cluster/assignments.ts";
import { Cluster } from "./cluster/cluster.ts";
import { announceLoss } from "./cluster/register.ts";
import { throttledRate } from "./cluster/throttled-rate.ts";
import { TreeInSyncStore } from "./cluster/in-sync-store.ts";
import { type BrokerConfig, formatAddress } from "./config.ts";
import { Controller } from "./controller/controller.ts";
import { GroupCoordinator } from "./coordinator/group/coordinator.ts";
import { OfflineReplicas } from "./controller/offline-replicas.ts";
import { Directories } from "./log/directories.ts";
import { Replicas } from "./replica/replicas.ts";
import { Census } from "./server/census.ts";
import { type HttpServer, serveHttp } from "./server/http.ts";
import { KafkaListener } from "./server/listener.ts";
import { Refusals } from "./server/refusals.ts";
import { serveReplication } from "./server/replication-server.ts";
import { Slabs } from "./server/slabs.ts";

export type BrokerPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly net: Net;
  readonly rpc: Rpc;
  readonly logger: Logger;
};

export type Broker = {
  readonly ports: { readonly kafka: number; readonly grpc: number; readonly http: number | null };
  /** The partitions as this broker has them. */
  readonly replicas: Replicas;
  /** Rejects when the broker must not go on: another process has taken its number, or the disk has failed. Never resolves. */
  readonly failed: Promise<never>;
  /** Stops in order: leaderships are handed over first unless told otherwise, logs are closed, the session ends last. */
  close(options?: { handOver: boolean }): Promise<void>;
};

/** What a stopping broker waits for others to take over; whoever stops it waits little longer. */
const HAND_OVER_MS_MAX = 3000;

/** What fetches may hold in memory together, and what each of many slow ones still gets. */
const fetchBudget = { bytesMax: 256 * 1024 * 1024, bytesLeast: 1024 * 1024 };

/** Undoes, in reverse order, what has been started. */
class Closers {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

/** One broker with everything it is made of. Resolves when it is registered and serves; rejects having closed what it had opened. */
export async function startBroker(config: BrokerConfig, ports: BrokerPorts): Promise<Broker> {
  const closers = new Closers();
  try {
    return await assemble(config, ports, closers);
  } catch (cause) {
    await closers.run();
    throw cause;
  }
}

async function assemble(config: BrokerConfig, ports: BrokerPorts, closers: Closers): Promise<Broker> {
  const { logger } = ports;
  let isReady = false;
  const http = await openHttp(config, closers, () => isReady);
  const cluster = await openCluster(config, ports, closers);
  const { logs, replicas } = await openReplicas(config, ports, { cluster, closers });
  const grpc = await openGrpc(config, ports, { cluster, replicas, closers });
  const controllerParts = { cluster, clock: ports.clock, logger };
  const groups = new GroupCoordinator({ ...ports, cluster, replicas, config });
  closers.add(() => groups.close());
  const listeners = await openListeners(config, ports, {
    parts: {
      brokerId: config.brokerId,
      cluster,
      replicas,
      groups,
      fetching: new ByteBudget(fetchBudget),
      sessions: new FetchSessions({ ...ports, slotsMax: config.fetch.sessionsMax }),
      config,
      ...ports,
    },
    closers,
  });
  const pictures = new Pictures(cluster);
  replicas.apply(pictures.newest());
  // What a crash left is recovered before we are in the cluster: until then others lead.
  await replicas.settled();
  cluster.onImage((image, previous) => {
    replicas.apply(pictures.newest());
    groups.follow(image, previous);
  });
  const endpoints = config.advertised.map(({ name, host, port }) => {
    return { name, host, port: port || portOf(listeners, name) };
  });
  const { advertised } = config.grpc;
  const grpcAddress = formatAddress({ host: advertised.host, port: advertised.port || grpc });
  const { mayHaveLost } = logs;
  const identity = { endpoints, grpcAddress, rack: config.rack };
  await cluster.register(identity, { mayHaveLost, hasOffline: () => replicas.hasOffline });
  await logs.answered();
  const controller = new Controller(controllerParts);
  closers.add(() => controller.close());
  const offline = new OfflineReplicas({
    ...controllerParts,
    isOffline: (...partition) => replicas.isOffline(...partition),
  });
  replicas.onAvailability = () => offline.changed();
  closers.add(() => offline.close());
  for (const listener of listeners) listener.serve();
  const failed = Promise.race([cluster.failed, lossTold(replicas.failed, cluster, ports)]);
  failed.catch(() => {}); // whoever runs the broker awaits it; nobody has to
  isReady = true;
  return {
    ports: { kafka: listeners[0]!.port, grpc, http: http?.port ?? null },
    replicas,
    failed,
    close: async ({ handOver } = { handOver: true }) => {
      isReady = false;
      if (handOver && config.replication.controlledShutdown) await handedOver(cluster, ports);
      await closers.run();
    },
  };
}

async function openHttp(config: BrokerConfig, closers: Closers, isReady: () => boolean): Promise<HttpServer | null> {
  if (config.http === null) return null;
  const server = await serveHttp(config.http, { isAlive: () => true, isReady });
  closers.add(() => server.close());
  return server;
}

async function openCluster(config: BrokerConfig, ports: BrokerPorts, closers: Closers): Promise<Cluster> {
  const { members, sessionTimeoutMs, connectTimeoutMs } = config.metadata;
  const { rpc, clock, random, logger } = ports;
  const store = {
    members: new Map(members),
    rpc,
    clock,
    random,
    logger,
    timeoutMs: sessionTimeoutMs,
    connectTimeoutMs,
  };
  const connect = () => openSession({ ...store, name: `broker ${config.brokerId}` });
  const cluster = await Cluster.start({ config, connect, clock, random, logger });
  closers.add(() => cluster.close());
  return cluster;
}

async function openReplicas(
  config: BrokerConfig,
  ports: BrokerPorts,
  { cluster, closers }: { cluster: Cluster; closers: Closers },
): Promise<{ logs: Directories; replicas: Replicas }> {
  const { files, clock, random, logger } = ports;
  const { connectTimeoutMs: timeoutMs } = config.metadata;
  if (!(await cluster.until(({ clusterId }) => clusterId !== "", { timeoutMs })))
    throw new Error(`the coordination store has given the cluster no id within ${timeoutMs} ms`);
  const logs = await Directories.open({
    directories: config.dataDirectories,
    files,
    clock,
    random,
    logger,
    clusterId: cluster.image.clusterId,
    nodeId: config.brokerId,
    recoveriesAtOnce: config.log.recoveriesAtOnce,
    flush: config.log.flush,
  });
  const inSyncStore = new TreeInSyncStore(cluster);
  const replicas = new Replicas({ ...ports, brokerId: config.brokerId, logs, inSyncStore, config });
  closers.add(() => replicas.close());
  return { logs, replicas };
}

async function openGrpc(
  config: BrokerConfig,
  { rpc, clock, logger }: BrokerPorts,
  { cluster, replicas, closers }: { cluster: Cluster; replicas: Replicas; closers: Closers },
): Promise<number> {
  const server = rpc.server();
  const partitionById = (topicId: string, index: number) => replicas.partitionById(topicId, index);
  const rate = (broker: number, side: "leader" | "follower") => throttledRate(cluster.image, broker, side);
  serveReplication(server, { brokerId: config.brokerId, clock, logger, partitionById, throttledRate: rate });
  answerKnocks(server);
  const port = await server.listen(formatAddress(config.grpc.listener));
  closers.add(() => server.close());
  return port;
}

async function openListeners(
  config: BrokerConfig,
  { net, clock, logger }: BrokerPorts,
  { parts, closers }: { parts: Parts; closers: Closers },
): Promise<KafkaListener[]> {
  const slabs = new Slabs();
  const { network } = config;
  const bounds = {
    frameBytesMax: network.requestBytesMax,
    requestsInFlightMax: network.requestsInProgressMax,
    idleMsMax: network.idleMsMax,
  };
  const arrivals = { census: new Census(network), refusals: new Refusals({ clock, logger }) };
  const shared = { parts, handlerFor, slabs, ...arrivals, net, clock, logger, ...bounds };
  const opened: KafkaListener[] = [];
  for (const { name, host, port } of config.listeners) {
    const listener = await KafkaListener.open({ ...shared, name, host, port });
    closers.add(() => listener.close());
    opened.push(listener);
  }
  return opened;
}

const portOf = (listeners: readonly KafkaListener[], name: string): number =>
  listeners.find((listener) => listener.name === name)?.port ?? 0;

/** The disks have failed: the cluster hears of it before the broker stops, if the store answers in time. */
async function lossTold(disks: Promise<never>, cluster: Cluster, { clock, logger }: BrokerPorts): Promise<never> {
  try {
    return await disks;
  } catch (cause) {
    const { session, brokerId, registration } = cluster;
    const telling = registration && announceLoss(session, brokerId, registration.incarnation);
    const told = telling?.catch((err: unknown) => logger.warn({ err }, "could not tell that the disks have failed"));
    await Promise.race([told, delay(clock, HAND_OVER_MS_MAX)]);
    throw cause;
  }
}

/** The store may be gone already, when a whole cluster stops: it is not waited for longer than others need to take over. */
async function handedOver(cluster: Cluster, { clock, logger }: BrokerPorts): Promise<void> {
  const leaving = cluster.beginShutdown({ timeoutMs: HAND_OVER_MS_MAX }).catch((cause: unknown) => {
    logger.warn({ err: cause }, "could not hand leaderships over");
  });
  await Promise.race([leaving, delay(clock, HAND_OVER_MS_MAX)]);
}
