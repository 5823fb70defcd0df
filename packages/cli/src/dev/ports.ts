import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { Failure } from "../terminal/failure.ts";

export type BrokerPorts = { kafka: number; grpc: number; http: number };
export type MetadataPorts = { grpc: number; health: number };
export type ClusterPorts = { metadata: MetadataPorts[]; brokers: BrokerPorts[] };

export type PortWishes = { brokers: number; metadata: number; port: number; anyPort: boolean };

const first = { metadataGrpc: 2181, metadataHealth: 8180, brokerHttp: 8080, brokerGrpcAboveKafka: 10_000 };
const portMax = 65_535;
/** So many draws that find only taken ports mean that there are none. */
const drawsMax = 1000;

/** The ports of all nodes: the documented ones, or with `anyPort` whatever is free. All are free now. */
export async function choosePorts(wishes: PortWishes): Promise<ClusterPorts> {
  const documented = documentedPorts(wishes);
  if (!wishes.anyPort) refuseImpossible(documented, wishes);
  const listeners: Server[] = [];
  const take = async (port: number): Promise<number> => {
    const listener = wishes.anyPort ? await listenAnywhere() : await listen(port);
    listeners.push(listener);
    return (listener.address() as AddressInfo).port;
  };
  try {
    const ports: ClusterPorts = { metadata: [], brokers: [] };
    for (const { grpc, health } of documented.metadata)
      ports.metadata.push({ grpc: await take(grpc), health: await take(health) });
    for (const { kafka, grpc, http } of documented.brokers)
      ports.brokers.push({ kafka: await take(kafka), grpc: await take(grpc), http: await take(http) });
    return ports;
  } finally {
    await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))));
  }
}

function documentedPorts({ metadata, brokers, port }: PortWishes): ClusterPorts {
  return {
    metadata: Array.from({ length: metadata }, (_, at) => ({
      grpc: first.metadataGrpc + at,
      health: first.metadataHealth + at,
    })),
    brokers: Array.from({ length: brokers }, (_, at) => ({
      kafka: port + at,
      grpc: port + first.brokerGrpcAboveKafka + at,
      http: first.brokerHttp + at,
    })),
  };
}

/** Every port must exist, and none may be wanted twice. */
function refuseImpossible(ports: ClusterPorts, { brokers, port }: PortWishes): void {
  const highest = portMax - first.brokerGrpcAboveKafka - brokers + 1;
  if (port > highest) {
    const why = `gRPC of broker N listens on --port + ${first.brokerGrpcAboveKafka} + N - 1`;
    throw new Failure(
      "usage",
      `--port takes 1 to ${highest} with ${brokers} broker${brokers === 1 ? "" : "s"}: ${why}`,
    );
  }
  const owners = new Map<number, string>();
  for (const [role, nodes] of Object.entries(ports))
    for (const [at, node] of (nodes as Record<string, number>[]).entries())
      for (const [use, wanted] of Object.entries(node)) {
        const owner = `${use} of ${role === "brokers" ? "broker" : "metadata"} ${at + 1}`;
        const other = owners.get(wanted);
        if (other !== undefined)
          throw new Failure("usage", `--port ${port} makes ${other} and ${owner} want port ${wanted}: choose another`);
        owners.set(wanted, owner);
      }
}

/** Does this machine have the loopback address ::1? Clients that resolve localhost may try it first. */
export function hasLoopback6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));
}

/**
 * Below the range of which systems take the local ports of outgoing connections (Linux: 32768 and up): one of those may be gone while
 * its node is down between a kill and a restart.
 */
async function listenAnywhere(): Promise<Server> {
  for (let draw = 0; draw < drawsMax; draw++) {
    const server = createServer();
    server.listen({ host: "127.0.0.1", port: randomInt(20_000, 32_000), exclusive: true });
    try {
      await once(server, "listening");
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Failure("conflict", "no free port found from 20000 to 31999");
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen({ host: "127.0.0.1", port, exclusive: true });
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES")
      throw new Failure("denied", `this user may not listen on port ${port}: start with another --port`, {
        cause: error,
      });
    if (code !== "EADDRINUSE") throw error;
    const owner = ownerOf(port) ?? "a process this user may not look at";
    throw new Failure(
      "conflict",
      `port ${port} is taken by ${owner}: stop it, or start with --any-port or another --port`,
      { cause: error },
    );
  }
}

/** Who listens on a TCP port of this machine: command and process number; null where /proc does not tell. */
export function ownerOf(port: number): string | null {
  const inodes = new Set([...listeningInodes("/proc/net/tcp", port), ...listeningInodes("/proc/net/tcp6", port)]);
  if (inodes.size === 0) return null;
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const holds = list(`/proc/${pid}/fd`).some((fd) => inodes.has(link(`/proc/${pid}/fd/${fd}`)));
    if (holds) return `${commandOf(pid)} (process ${pid})`;
  }
  return null;
}

const listening = "0A";

function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = read(table).split("\n").slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(wanted) === true && row[3] === listening)
    .map((row) => `socket:[${row[9]}]`);
}

function commandOf(pid: string): string {
  const words = read(`/proc/${pid}/cmdline`)
    .split("\0")
    .filter((word) => word !== "");
  const line = words.join(" ");
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}

// Processes come and go while /proc is read, and other users' are closed to us: what cannot be read holds nothing for us.
const read = (path: string): string => orElse("", () => readFileSync(path, "latin1"));
const list = (path: string): string[] => orElse([], () => readdirSync(path));
const link = (path: string): string => orElse("", () => readlinkSync(path));

function orElse<T>(otherwise: T, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}
