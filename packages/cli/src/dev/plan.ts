import { join } from "node:path";
import { v8Flags as brokerFlags } from "@odradek/broker/v8-flags";
import { v8Flags as metadataFlags } from "@odradek/metadata/v8-flags";
import type { ClusterPorts } from "./ports.ts";
import { brokerDirectories, sharedSettings } from "./shared-settings.ts";
import type { NodeRole } from "./state-file.ts";

/** One node as `dev` starts it: the command line and where it will be found. */
export type NodePlan = {
  role: NodeRole;
  id: number;
  /** Flags of Node itself, the script, its arguments. */
  command: string[];
  /** What its environment has besides that of `dev`. */
  environment?: Readonly<Record<string, string>>;
  dataDir: string;
  logFile: string;
  ports: Record<string, number>;
  address: string;
  url: string;
};

export type PlanOptions = {
  ports: ClusterPorts;
  /** Where the nodes keep their data, and where their logs go. */
  dataRoot: string;
  logRoot: string;
  loopback6: boolean;
  /** Further broker settings, as `key=value`. */
  settings: readonly string[];
  scripts: Record<NodeRole, string>;
};

/** Command lines for all nodes, metadata nodes first: they need the longest until they can serve. */
export function planCluster(options: PlanOptions): NodePlan[] {
  const { ports } = options;
  const members = ports.metadata.map(({ grpc }, at) => `${at + 1}=127.0.0.1:${grpc}`).join(",");
  return [
    ...ports.metadata.map((_, at) => planMetadata(options, at, members)),
    ...ports.brokers.map((_, at) => planBroker(options, at, members)),
  ];
}

function planMetadata(options: PlanOptions, at: number, members: string): NodePlan {
  const ports = options.ports.metadata[at]!;
  const id = at + 1;
  const dataDir = join(options.dataRoot, `metadata-${id}`);
  const args = [
    ["--id", String(id), "--data-dir", dataDir],
    ["--listen", `127.0.0.1:${ports.grpc}`, "--health", `127.0.0.1:${ports.health}`],
    ["--peers", members, "--control-fd", "3"],
  ];
  return {
    role: "metadata",
    id,
    command: [...metadataFlags, options.scripts.metadata, ...args.flat()],
    dataDir,
    logFile: join(options.logRoot, `metadata-${id}.log`),
    ports,
    address: `127.0.0.1:${ports.grpc}`,
    url: `http://127.0.0.1:${ports.health}`,
  };
}

function planBroker(options: PlanOptions, at: number, members: string): NodePlan {
  const ports = options.ports.brokers[at]!;
  const id = at + 1;
  const name = `broker-${id}`;
  const directories = brokerDirectories(options.settings, name) ?? [join(options.dataRoot, name)];
  const kafka = ["--kafka", `127.0.0.1:${ports.kafka}`];
  if (options.loopback6) kafka.push("--kafka", `[::1]:${ports.kafka}`);
  const args = [
    ["--id", String(id), "--data-dir", directories.join(",")],
    [...kafka, "--advertised", `localhost:${ports.kafka}`],
    ["--grpc", `127.0.0.1:${ports.grpc}`, "--http", `127.0.0.1:${ports.http}`],
    ["--metadata", members, "--control-fd", "3"],
    [...clusterSettings(options.ports.brokers.length), ...sharedSettings(options.settings)].flatMap((setting) => [
      "--set",
      setting,
    ]),
  ];
  return {
    role: "broker",
    id,
    command: [...brokerFlags, options.scripts.broker, ...args.flat()],
    dataDir: directories[0]!,
    logFile: join(options.logRoot, `${name}.log`),
    ports,
    address: `localhost:${ports.kafka}`,
    url: `http://127.0.0.1:${ports.http}`,
  };
}

/** What a cluster of this size wants where Kafka's defaults are for production: replicas, no wait for slow members, leaders back soon after a restart. */
function clusterSettings(brokers: number): string[] {
  const factor = Math.min(3, brokers);
  return [
    `default.replication.factor=${factor}`,
    `offsets.topic.replication.factor=${factor}`,
    `min.insync.replicas=${brokers >= 3 ? 2 : 1}`,
    "group.initial.rebalance.delay.ms=0",
    "leader.imbalance.check.interval.seconds=10",
  ];
}
