import type { Znode } from "@odradek/metadata/client";
import type { Settings } from "../config.ts";
import {
  type Endpoint,
  readBroker,
  readConfig,
  readController,
  lostRevision,
  readCounter,
  readPartition,
  readTopic,
} from "./nodes.ts";
import { SharedMap } from "./shared-map.ts";

export type BrokerImage = {
  readonly id: number;
  readonly endpoints: readonly Endpoint[];
  readonly grpcAddress: string;
  readonly rack: string | null;
  readonly incarnation: string;
  readonly shuttingDown: boolean;
  readonly sinceMs: number;
  /** Version of this node. */
  readonly version: number;
  /** Revision of the registration, or of the announcement that it is shutting down. */
  readonly registeredRevision: number;
  /** In `known`: revision of its last registration without certainty that everything written before was still there; 0: none. */
  readonly lostRevision: number;
};

export type PartitionImage = {
  readonly index: number;
  readonly replicas: readonly number[];
  /** -1: none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly isr: readonly number[];
  /** Replicas that a move adds and removes (moves.ts); neither: the partition is not being moved. */
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
  /** Not in sync, and yet sure to hold everything committed; and those that were and are not sure any more (eligible.ts). */
  readonly eligible?: readonly number[];
  readonly lastKnownEligible?: readonly number[];
  /** Brokers whose replica can't be served. */
  readonly offline?: readonly number[];
  readonly version: number;
  readonly modifiedRevision: number;
};

export type TopicImage = {
  readonly name: string;
  /** base64url of the 16 bytes. */
  readonly id: string;
  readonly internal: boolean;
  /** Version of the topic's own node. */
  readonly version: number;
  /** Index = partition. */
  readonly partitions: readonly PartitionImage[];
};

/** Settings made while running, with the version of their node. */
export type ConfigImage = { readonly settings: Settings; readonly version: number };

/** The tree as it was at one revision. Never changed: every revision is a new value that shares what stayed the same. */
export type ClusterImage = {
  readonly revision: number;
  /** Empty until the coordination store has chosen it. */
  readonly clusterId: string;
  readonly controller: { readonly broker: number; readonly incarnation: string; readonly version: number } | null;
  readonly controllerEpoch: { readonly epoch: number; readonly version: number };
  /** Live brokers. */
  readonly brokers: ReadonlyMap<number, BrokerImage>;
  /** Every broker that ever registered. */
  readonly known: ReadonlyMap<number, BrokerImage>;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  readonly topicConfigs: ReadonlyMap<string, ConfigImage>;
  /** By broker number as text, and "default". */
  readonly brokerConfigs: ReadonlyMap<string, ConfigImage>;
};

export const emptyImage: ClusterImage = {
  revision: 0,
  clusterId: "",
  controller: null,
  controllerEpoch: { epoch: 0, version: 0 },
  brokers: SharedMap.empty(),
  known: SharedMap.empty(),
  topics: SharedMap.empty(),
  topicsById: SharedMap.empty(),
  topicConfigs: SharedMap.empty(),
  brokerConfigs: SharedMap.empty(),
};

/** The image of a whole tree. */
export const imageOf = (revision: number, nodes: readonly Znode[]): ClusterImage =>
  nextImage(emptyImage, { revision, changed: nodes, deleted: [] });

/** What one revision makes of an image. */
export function nextImage(
  image: ClusterImage,
  event: { revision: number; changed: readonly Znode[]; deleted: readonly string[] },
): ClusterImage {
  const draft = new Draft(image);
  for (const path of event.deleted) draft.place(path.split("/"), null);
  for (const node of event.changed) if (!isPartition(node.path)) draft.place(node.path.split("/"), node);
  for (const node of event.changed) if (isPartition(node.path)) draft.place(node.path.split("/"), node);
  return draft.image(event.revision);
}

/** Of a topic: a partition below a higher one keeps its place, so a number written by hand must not decide how many places there are. */
const PARTITIONS_MAX = 100_000;

const isPartition = (path: string): boolean => path.includes("/partitions/");

type TopicDraft = { -readonly [K in keyof TopicImage]: TopicImage[K] } & { partitions: PartitionImage[] };

/** Collects what one revision changes, so that each shared map is copied once. */
class Draft {
  readonly #from: ClusterImage;
  #clusterId: string;
  #controller: ClusterImage["controller"];
  #controllerEpoch: ClusterImage["controllerEpoch"];
  readonly #brokers = new Map<number, BrokerImage | undefined>();
  readonly #known = new Map<number, BrokerImage | undefined>();
  readonly #topics = new Map<string, TopicDraft | undefined>();
  readonly #topicConfigs = new Map<string, ConfigImage | undefined>();
  readonly #brokerConfigs = new Map<string, ConfigImage | undefined>();

  constructor(from: ClusterImage) {
    this.#from = from;
    this.#clusterId = from.clusterId;
    this.#controller = from.controller;
    this.#controllerEpoch = from.controllerEpoch;
  }

  /** `path` split at "/": ["", first, second, …]; null: the node is gone. */
  place(path: readonly string[], node: Znode | null): void {
    const [, first, second, third] = path;
    if (first === "topics" && second !== undefined) this.#placeTopic(path, node);
    else if (first === "brokers" && third !== undefined) {
      if (second === "ids") this.#brokers.set(Number(third), brokerImage(third, node));
      if (second === "known") this.#known.set(Number(third), brokerImage(third, node));
    } else if (first === "config" && third !== undefined) {
      const config = node ? { settings: readConfig(node), version: node.version } : undefined;
      if (second === "topics") this.#topicConfigs.set(third, config);
      if (second === "brokers") this.#brokerConfigs.set(third, config);
    } else if (first === "cluster" && second === "id") this.#clusterId = node?.data.toString() ?? "";
    else if (first === "controller" && second === undefined) this.#controller = node && controllerImage(node);
    else if (first === "controller-epoch")
      this.#controllerEpoch = { epoch: node ? readCounter(node, "epoch") : 0, version: node?.version ?? 0 };
  }

  image(revision: number): ClusterImage {
    const from = this.#from;
    for (const topic of this.#topics.values()) if (topic) topic.partitions = dense(topic.partitions);
    return {
      revision,
      clusterId: this.#clusterId,
      controller: this.#controller,
      controllerEpoch: this.#controllerEpoch,
      brokers: changed(from.brokers, this.#brokers),
      known: changed(from.known, this.#known),
      topics: changed(from.topics, this.#topics),
      topicsById: changed(from.topicsById, this.#byId()),
      topicConfigs: changed(from.topicConfigs, this.#topicConfigs),
      brokerConfigs: changed(from.brokerConfigs, this.#brokerConfigs),
    };
  }

  #placeTopic([, , name, folder, index]: readonly string[], node: Znode | null): void {
    if (folder === undefined) this.#placeTopicNode(name!, node);
    else if (folder === "partitions" && index !== undefined) {
      const topic = this.#topic(name!);
      if (!topic) return;
      const at = Number(index);
      if (!Number.isInteger(at) || at < 0 || at >= PARTITIONS_MAX) return;
      topic.partitions[at] = node ? partitionImage(at, node) : absentPartition(at);
    }
  }

  #placeTopicNode(name: string, node: Znode | null): void {
    const value = node && readTopic(node);
    if (!value) this.#topics.set(name, undefined);
    else {
      const partitions = this.#topic(name)?.partitions ?? [];
      this.#topics.set(name, {
        name,
        id: value.id,
        internal: value.internal ?? false,
        version: node.version,
        partitions,
      });
    }
  }

  #topic(name: string): TopicDraft | undefined {
    if (this.#topics.has(name)) return this.#topics.get(name);
    const before = this.#from.topics.get(name);
    if (!before) return undefined;
    const draft = { ...before, partitions: [...before.partitions] };
    this.#topics.set(name, draft);
    return draft;
  }

  #byId(): Map<string, TopicImage | undefined> {
    const byId = new Map<string, TopicImage | undefined>();
    for (const name of this.#topics.keys()) {
      const before = this.#from.topics.get(name);
      if (before) byId.set(before.id, undefined);
    }
    for (const topic of this.#topics.values()) if (topic) byId.set(topic.id, topic);
    return byId;
  }
}

function changed<K extends string | number, V>(
  map: ReadonlyMap<K, V>,
  changes: ReadonlyMap<K, V | undefined>,
): ReadonlyMap<K, V> {
  return changes.size === 0 ? map : (map as SharedMap<K, V>).with(changes);
}

function brokerImage(name: string, node: Znode | null): BrokerImage | undefined {
  const value = node && readBroker(node);
  if (!node || !value) return undefined;
  return {
    id: Number(name),
    endpoints: value.endpoints,
    grpcAddress: value.grpc,
    rack: value.rack,
    incarnation: value.incarnation,
    shuttingDown: value.shuttingDown,
    sinceMs: value.since,
    version: node.version,
    registeredRevision: node.modifiedRevision,
    lostRevision: lostRevision(node),
  };
}

/** A node that can't be read still stands there: it names no broker, and anybody may take it over. */
function controllerImage(node: Znode): ClusterImage["controller"] {
  const { broker, incarnation } = readController(node) ?? { broker: -1, incarnation: "" };
  return { broker, incarnation, version: node.version };
}

const partitionImage = (index: number, node: Znode): PartitionImage => ({
  index,
  ...readPartition(node),
  version: node.version,
  modifiedRevision: node.modifiedRevision,
});

/** Stands for a partition whose node is missing: nobody has it, nobody leads it. */
const absentPartition = (index: number): PartitionImage => ({
  index,
  replicas: [],
  leader: -1,
  leaderEpoch: 0,
  isr: [],
  version: 0,
  modifiedRevision: 0,
});

/** Without holes in the middle and without missing partitions at the end. */
function dense(partitions: (PartitionImage | undefined)[]): PartitionImage[] {
  for (let index = 0; index < partitions.length; index++) partitions[index] ??= absentPartition(index);
  const filled = partitions as PartitionImage[];
  while (filled.at(-1)?.version === 0) filled.pop();
  return filled;
}
