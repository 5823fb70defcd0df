import type { Znode } from "@odradek/metadata/client";

/** Where things stand in the tree (DESIGN D4) and what their nodes hold. Values are JSON. */
export const paths = {
  clusterId: "/cluster/id",
  liveBrokers: "/brokers/ids",
  knownBrokers: "/brokers/known",
  controller: "/controller",
  controllerEpoch: "/controller-epoch",
  topics: "/topics",
  topicConfigs: "/config/topics",
  brokerConfigs: "/config/brokers",
  producerIds: "/producer-ids",
  liveBroker: (id: number): string => `/brokers/ids/${id}`,
  /** Written with every registration and never deleted: its version tells two registrations of one broker apart. */
  knownBroker: (id: number): string => `/brokers/known/${id}`,
  topic: (name: string): string => `/topics/${name}`,
  partitions: (name: string): string => `/topics/${name}/partitions`,
  partition: (name: string, index: number): string => `/topics/${name}/partitions/${index}`,
  topicConfig: (name: string): string => `/config/topics/${name}`,
  /** `id` is a broker's number or "default" for all. */
  brokerConfig: (id: number | "default"): string => `/config/brokers/${id}`,
} as const;

/** The settings that hold for every broker. */
export const ALL_BROKERS = "default";

export type Endpoint = { name: string; host: string; port: number };
export type BrokerNode = {
  endpoints: Endpoint[];
  /** "host:port" where other brokers replicate from. */
  grpc: string;
  rack: string | null;
  /** Unique per registration. */
  incarnation: string;
  shuttingDown: boolean;
  /** Wall clock at registration, for people. */
  since: number;
  /**
   * In nodes of known brokers: the revision of the last registration that came without certainty that everything written before was still
   * there, as after a power loss; "here" is this very node's. Absent: there was none.
   */
  lost?: number | "here";
};
export type ControllerNode = { broker: number; incarnation: string };
export type TopicNode = { id: string; internal?: boolean };
export type PartitionNode = {
  replicas: number[];
  leader: number;
  leaderEpoch: number;
  isr: number[];
  /** While the partition is being moved (cluster/moves.ts). */
  adding?: number[];
  removing?: number[];
  /** Eligible leader replicas and those that were and are not sure any more (eligible.ts). */
  eligible?: number[];
  lastKnownEligible?: number[];
  /** Brokers whose replica can't be served, for its disk has failed there (KIP-112). */
  offline?: number[];
};
export type ConfigNode = Record<string, string>;

export const encode = (value: object): Buffer => Buffer.from(JSON.stringify(value));

type Shape = Record<string, unknown>;

function parsed(node: Znode): Shape | null {
  try {
    const value: unknown = JSON.parse(node.data.toString());
    return typeof value === "object" && value !== null ? (value as Shape) : null;
  } catch {
    return null; // anybody may write anything into the tree by hand; what can't be read is treated as absent
  }
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isInteger);

const isEndpoints = (value: unknown): value is Endpoint[] => Array.isArray(value) && value.every(isEndpoint);

function isEndpoint(value: unknown): value is Endpoint {
  const { name, host, port } = (value ?? {}) as Partial<Endpoint>;
  return typeof name === "string" && typeof host === "string" && Number.isInteger(port);
}

export function readBroker(node: Znode): BrokerNode | null {
  const value = parsed(node);
  if (!value || !isEndpoints(value["endpoints"])) return null;
  if (typeof value["grpc"] !== "string" || typeof value["incarnation"] !== "string") return null;
  return {
    endpoints: value["endpoints"],
    grpc: value["grpc"],
    rack: typeof value["rack"] === "string" ? value["rack"] : null,
    incarnation: value["incarnation"],
    shuttingDown: value["shuttingDown"] === true,
    since: Number(value["since"] ?? 0),
    ...(isLoss(value["lost"]) ? { lost: value["lost"] } : {}),
  };
}

const isLoss = (value: unknown): value is number | "here" => value === "here" || Number.isSafeInteger(value);

/** The revision of a broker's last registration without certainty; 0: there was none. */
export function lostRevision(node: Znode): number {
  const lost = readBroker(node)?.lost ?? 0;
  return lost === "here" ? node.modifiedRevision : lost;
}

export function readController(node: Znode): ControllerNode | null {
  const value = parsed(node);
  if (!value || !Number.isInteger(value["broker"])) return null;
  return { broker: value["broker"] as number, incarnation: String(value["incarnation"]) };
}

export function readTopic(node: Znode): TopicNode | null {
  const value = parsed(node);
  if (!value || typeof value["id"] !== "string") return null;
  return { id: value["id"], internal: value["internal"] === true };
}

/** A partition that can't be read keeps its place, with no replicas. */
export function readPartition(node: Znode): PartitionNode {
  const value = parsed(node);
  if (!value || !isNumbers(value["replicas"]) || !isNumbers(value["isr"]) || !Number.isInteger(value["leaderEpoch"]))
    return { replicas: [], leader: -1, leaderEpoch: 0, isr: [] };
  return {
    replicas: value["replicas"],
    leader: Number.isInteger(value["leader"]) ? (value["leader"] as number) : -1,
    leaderEpoch: value["leaderEpoch"] as number,
    isr: value["isr"],
    ...(isNumbers(value["adding"]) ? { adding: value["adding"] } : {}),
    ...(isNumbers(value["removing"]) ? { removing: value["removing"] } : {}),
    ...(isNumbers(value["eligible"]) ? { eligible: value["eligible"] } : {}),
    ...(isNumbers(value["lastKnownEligible"]) ? { lastKnownEligible: value["lastKnownEligible"] } : {}),
    ...(isNumbers(value["offline"]) ? { offline: value["offline"] } : {}),
  };
}

export function readConfig(node: Znode): ConfigNode {
  const entries = Object.entries(parsed(node) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** A node that holds one whole number under `key`; 0 when it can't be read. */
export function readCounter(node: Znode, key: "epoch" | "next"): number {
  const value = parsed(node)?.[key];
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
