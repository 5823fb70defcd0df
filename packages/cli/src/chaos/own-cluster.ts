import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "@odradek/kit/testing";
import { DevCluster } from "../dev/cluster.ts";
import { planCluster, type NodePlan } from "../dev/plan.ts";
import type { ClusterPorts } from "../dev/ports.ts";
import { signal, stateOf, type ProcessIdentity } from "../dev/process-identity.ts";
import { nodeScripts } from "../dev/scripts.ts";
import { Failure } from "../terminal/failure.ts";
import { nodeName, rosterOf, type ChaosCluster, type Roster } from "./cluster.ts";
import type { Weather } from "./link.ts";
import { Network, type Endpoint } from "./network.ts";
import type { NodeName } from "./schedule.ts";

export type OwnClusterOptions = { brokers: number; metadata: number; seed: number };

/** Whoever wants to know what happens to a node reads its log, or looks whether it is gone. */
const unheard = { changed: () => {}, line: () => {}, nodeReady: () => {}, died: () => {} };

/** A cluster started for one run, whose nodes reach each other through links of ours; its data goes with it. */
export class OwnCluster implements ChaosCluster {
  readonly directory: string;
  readonly roster: Roster;
  readonly #network: Network;
  readonly #cluster: DevCluster;

  private constructor(directory: string, network: Network, plans: readonly NodePlan[]) {
    this.directory = directory;
    this.#network = network;
    this.roster = rosterOf(plans);
    this.#cluster = new DevCluster(plans, unheard);
  }

  /** Resolves when all nodes serve. */
  static async start(options: OwnClusterOptions): Promise<OwnCluster> {
    const directory = mkdtempSync(join(tmpdir(), "odradek-chaos-"));
    const logRoot = join(directory, "logs");
    mkdirSync(logRoot);
    const ports = await choosePorts(options);
    const network = await linksOf(ports, options.seed);
    const plans = planCluster({
      ...{ ports, dataRoot: directory, logRoot, loopback6: false, settings: [], scripts: nodeScripts() },
    }).map((plan) => ({ ...plan, environment: spoilable(directory, network, nodeName(plan)) }));
    const own = new OwnCluster(directory, network, plans);
    const failed = await own.#cluster.settled();
    if (failed.length === 0) return own;
    await own.close({ keepData: true });
    throw new Failure("unhealthy", `${failed.map(nodeName).join(", ")} did not come up: see ${logRoot}`);
  }

  obstacle(): null {
    return null;
  }

  signal(node: NodeName, name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    signal(this.#identity(node), name);
  }

  async restart(node: NodeName): Promise<void> {
    const { plan } = this.#member(node);
    await this.#cluster.restart(plan.role, plan.id);
  }

  isGone(node: NodeName): boolean {
    return stateOf(this.#identity(node)) === "gone";
  }

  setWeather(from: NodeName, to: NodeName, weather: Partial<Weather>): void {
    this.#network.set(from, to, weather);
  }

  clearWeather(): void {
    this.#network.heal();
  }

  setClock(node: NodeName, offsetMs: number): void {
    writeFileSync(clockFile(this.directory, node), String(offsetMs));
  }

  setDiskFull(node: NodeName, isFull: boolean): void {
    const file = fullFile(this.directory, node);
    if (isFull) writeFileSync(file, "");
    else rmSync(file, { force: true });
  }

  async close({ keepData }: { keepData: boolean }): Promise<void> {
    this.#network.heal();
    await this.#cluster.stop();
    this.#network.close();
    if (!keepData) rmSync(this.directory, { recursive: true, force: true });
  }

  kill(): void {
    this.#cluster.kill();
  }

  #member(node: NodeName): { plan: NodePlan; identity: ProcessIdentity } {
    const member = this.#cluster.states().find(({ plan }) => nodeName(plan) === node);
    if (!member) throw new Failure("notFound", `there is no ${node}`);
    return member;
  }

  #identity(node: NodeName): ProcessIdentity {
    return this.#member(node).identity;
  }
}

async function choosePorts({ brokers, metadata }: OwnClusterOptions): Promise<ClusterPorts> {
  // Not the system's own choice: such a port may be gone while its node is down.
  const free = await freePorts(brokers * 3 + metadata * 2);
  const next = (): number => free.pop()!;
  return {
    metadata: Array.from({ length: metadata }, () => ({ grpc: next(), health: next() })),
    brokers: Array.from({ length: brokers }, () => ({ kafka: next(), grpc: next(), http: next() })),
  };
}

/** Everybody dials everybody: a metadata node asks a broker whose stream has broken whether it lives. Clients are not in the way. */
function linksOf(ports: ClusterPorts, seed: number): Promise<Network> {
  const endpoints = (role: string, list: readonly { grpc: number }[]): Endpoint[] =>
    list.map(({ grpc }, at) => ({ name: nodeName({ role, id: at + 1 }), port: grpc }));
  const all = [...endpoints("metadata", ports.metadata), ...endpoints("broker", ports.brokers)];
  const sources = all.map(({ name }) => name);
  return Network.open(seed, sources, (source) => all.filter(({ name }) => name !== source));
}

const clockFile = (directory: string, node: NodeName): string => join(directory, `${node.replace(" ", "-")}.clock`);
const fullFile = (directory: string, node: NodeName): string => join(directory, `${node.replace(" ", "-")}.full`);

/** What a node must be told for faults to reach it. */
function spoilable(directory: string, network: Network, node: NodeName): Record<string, string> {
  return {
    ODRADEK_CHAOS_ROUTES: network.routes(node),
    ODRADEK_CHAOS_CLOCK_FILE: clockFile(directory, node),
    ...(node.startsWith("broker") ? { ODRADEK_CHAOS_DISK_FULL_FILE: fullFile(directory, node) } : {}),
  };
}
