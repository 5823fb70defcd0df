import { AssertionError, type Cancel } from "@odradek/kit";
import { ErrorCode, MetadataApi, type MetadataRequest, type ResponseDraft, UUID_ZERO } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { BrokerImage, ClusterImage, PartitionImage, TopicImage } from "../cluster/image.ts";
import { createTopic } from "../controller/create-topic.ts";
import { internalTopicSpec } from "../controller/internal-topics.ts";
import { problemWithTopicName } from "../controller/topic-names.ts";
import { limits } from "../limits.ts";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "./authorized-operations.ts";
import { handler, type Parts, type RequestScope } from "./handler.ts";

// Metadata (key 3).
// Answers from this broker's newest picture; addresses are those of the listener the request came in on, and a broker without
// such a listener does not appear. A topic that is missing and may be created is created in one transaction, then waited for
// (≤ 5 s for all that one request asks for). A partition whose leader is not live answers LEADER_NOT_AVAILABLE with leader -1,
// at the partition's level.
// While a leader is dying (its stream to us broke, or its registration is gone) the answer waits for the election, ≤ 1 s: a client
// that is sent back to the dead leader asks again only after its own, growing back-off.
// The controller named is a live broker; every broker takes controller requests.

type Draft = ResponseDraft<typeof MetadataApi>;
type TopicDraft = Draft["topics"][number];
type Asked = NonNullable<MetadataRequest["topics"]>[number];
type MetadataParts = Pick<Parts, "cluster" | "config" | "clock" | "logger"> & {
  replicas: Pick<Parts["replicas"], "isSuspect">;
};

export const metadata = handler(MetadataApi, describe);

export async function describe(
  parts: MetadataParts,
  request: MetadataRequest,
  scope: Pick<RequestScope, "version" | "listener">,
): Promise<Draft> {
  const { cluster } = parts;
  const wantsAll = request.topics === null || (scope.version === 0 && request.topics.length === 0);
  if (!wantsAll) await createMissing(parts, request);
  const names = wantsAll ? null : request.topics!;
  await cluster.until((image) => !isLeaderDying(image, names, parts), { timeoutMs: limits.leaderTimeoutMs });
  const { image } = cluster;
  const view = new View(image, scope.listener, request.includeTopicAuthorizedOperations);
  const topics = wantsAll
    ? [...image.topics.values()].map((topic) => view.topic(topic))
    : distinct(request.topics!).map((asked) => view.asked(asked));
  return {
    brokers: view.brokers(),
    clusterId: image.clusterId,
    controllerId: controllerId(cluster),
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations.cluster
      : OPERATIONS_NOT_ASKED,
  };
}

/** Each topic once: a short request that names a large topic again and again must not become a long answer. */
function distinct(asked: readonly Asked[]): Asked[] {
  return [...new Map(asked.map((one) => [`${one.topicId} ${one.name}`, one])).values()];
}

/** The controller while it is live, else ourselves. */
export function controllerId({ image, brokerId }: Cluster): number {
  const { controller } = image;
  return controller && image.brokers.has(controller.broker) ? controller.broker : brokerId;
}

/** Where clients of this listener reach the broker, or undefined. */
export const endpointFor = (broker: BrokerImage, listener: string): { host: string; port: number } | undefined =>
  broker.endpoints.find(({ name }) => name === listener);

/** Waits for the missing topics to be created, but not longer than a client would: it asks again for those that are not there. */
async function createMissing(parts: MetadataParts, request: MetadataRequest): Promise<void> {
  const { cluster, config, clock, logger } = parts;
  if (!config.topics.autoCreate || !request.allowAutoTopicCreation) return;
  const names = request.topics!.flatMap(({ name }) => (name === null || cluster.image.topics.has(name) ? [] : [name]));
  if (names.length === 0) return;
  let cancel: Cancel = () => {};
  const late = new Promise<void>((resolve) => (cancel = clock.timer(limits.autoCreateTimeoutMs, resolve)));
  const created = createEach(parts, names).catch((cause: unknown) => {
    if (cause instanceof AssertionError) throw cause;
    logger.warn({ err: cause, topics: names }, "could not create topics that a client asked for");
  });
  await Promise.race([created, late]);
  cancel();
}

async function createEach({ cluster, config }: MetadataParts, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (problemWithTopicName(name) !== null) continue;
    const spec = internalTopicSpec(name, config) ?? { name, partitions: -1, replicationFactor: -1, configs: {} };
    const created = await createTopic(cluster, spec);
    if (created.error === ErrorCode.TOPIC_ALREADY_EXISTS)
      await cluster.until((image) => image.topics.has(name), { timeoutMs: limits.leaderTimeoutMs });
  }
}

/** Whether a leader of these topics, or of any for null, is about to be replaced. */
function isLeaderDying(image: ClusterImage, names: readonly Asked[] | null, { replicas }: MetadataParts): boolean {
  const isDying = ({ leader }: PartitionImage): boolean =>
    leader >= 0 && (!image.brokers.has(leader) || replicas.isSuspect(leader));
  const topics =
    names === null
      ? [...image.topics.values()]
      : names.map(({ name, topicId }) => (name === null ? image.topicsById.get(topicId) : image.topics.get(name)));
  return topics.some((topic) => topic?.partitions.some(isDying));
}

/** One image as one listener shows it. */
export class View {
  readonly #image: ClusterImage;
  readonly #live = new Map<number, BrokerImage>();
  readonly #listener: string;
  readonly #withOperations: boolean;

  constructor(image: ClusterImage, listener: string, withOperations: boolean) {
    this.#image = image;
    this.#listener = listener;
    this.#withOperations = withOperations;
    for (const broker of image.brokers.values()) if (endpointFor(broker, listener)) this.#live.set(broker.id, broker);
  }

  brokers(): Draft["brokers"] {
    return [...this.#live.values()].map((broker) => {
      const { host, port } = endpointFor(broker, this.#listener)!;
      return { nodeId: broker.id, host, port, rack: broker.rack };
    });
  }

  asked({ name, topicId }: Asked): TopicDraft {
    const isById = name === null || topicId !== UUID_ZERO;
    const topic = isById ? this.#image.topicsById.get(topicId) : this.#image.topics.get(name);
    if (topic) return this.topic(topic);
    if (isById) return { ...missing, errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId };
    const errorCode =
      problemWithTopicName(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
    return { ...missing, errorCode, name, topicId: UUID_ZERO };
  }

  topic(topic: TopicImage): TopicDraft {
    return {
      errorCode: ErrorCode.NONE,
      name: topic.name,
      topicId: topic.id,
      isInternal: topic.internal,
      partitions: topic.partitions.map((partition) => this.#partition(partition)),
      topicAuthorizedOperations: this.#withOperations ? authorizedOperations.topic : OPERATIONS_NOT_ASKED,
    };
  }

  #partition({ index, leader, leaderEpoch, replicas, isr, offline }: PartitionImage): TopicDraft["partitions"][number] {
    const isLed = this.#live.has(leader);
    return {
      errorCode: isLed ? ErrorCode.NONE : this.#leaderless(leader),
      partitionIndex: index,
      leaderId: isLed ? leader : -1,
      leaderEpoch,
      replicaNodes: [...replicas],
      isrNodes: [...isr],
      offlineReplicas: replicas.filter((id) => !this.#live.has(id) || offline?.includes(id) === true),
    };
  }

  /** A live leader that this listener can't show is not the same as none. */
  #leaderless(leader: number): number {
    return this.#image.brokers.has(leader) ? ErrorCode.LISTENER_NOT_FOUND : ErrorCode.LEADER_NOT_AVAILABLE;
  }
}

const missing = { isInternal: false, partitions: [], topicAuthorizedOperations: OPERATIONS_NOT_ASKED };
