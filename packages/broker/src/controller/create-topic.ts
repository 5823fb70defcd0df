import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage } from "../cluster/image.ts";
import { encode, type PartitionNode, paths } from "../cluster/nodes.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { problemWithTopicConfigs } from "../config.ts";
import { limits } from "../limits.ts";
import { assign, candidatesOf, type Placement, UnderWay } from "./assign.ts";
import { collidingTopic, isInternal, problemWithTopicName } from "./topic-names.ts";

export type TopicSpec = {
  name: string;
  /** -1: num.partitions, default.replication.factor. */
  partitions: number;
  replicationFactor: number;
  /** Replicas per partition, instead of the two numbers. */
  assignments?: readonly (readonly number[])[];
  configs: Readonly<Record<string, string | null>>;
  /** Answer what would happen, and do nothing. */
  validateOnly?: boolean;
};

export type Problem = { error: number; message: string };
export type TopicCreated = {
  error: number;
  message?: string;
  topicId?: string;
  partitions?: number;
  replicationFactor?: number;
};

/** A topic that can be created, and what creates it, all partitions at once. */
export type TopicPlan = {
  readonly image: ClusterImage;
  readonly topicId: string;
  readonly replicas: Placement;
  readonly nodes: readonly PartitionNode[];
  readonly operations: readonly Operation[];
  /** The answer when it is done. */
  readonly created: TopicCreated;
};

const refuse = (error: number, message: string): Problem => ({ error, message });

/**
 * Creates a topic in one transaction that any broker may execute, and waits until this broker's own picture shows it.
 * Errors are Kafka's codes: 0, TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS,
 * INVALID_REPLICATION_FACTOR (too few known brokers), INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, REQUEST_TIMED_OUT.
 * `underWay`: where topics that are created at the same moment are placed, which no picture shows yet.
 */
export async function createTopic(
  cluster: Cluster,
  spec: TopicSpec,
  underWay: UnderWay = new UnderWay(),
): Promise<TopicCreated> {
  for (let attempt = 0; attempt < limits.transactionTriesMax; attempt++) {
    const plan = planTopic(cluster, spec, underWay);
    if (!("operations" in plan)) return plan;
    underWay.add(plan.replicas);
    const outcome = await write(cluster, spec.name, plan);
    underWay.remove(plan.replicas);
    if (outcome === "exists") return alreadyExists(spec.name);
    if (outcome === "done") return plan.created;
    if (typeof outcome !== "string") return outcome;
    await cluster.reached(plan.image.revision + 1, { timeoutMs: limits.leaderTimeoutMs }); // a broker has come or gone
  }
  return refuse(ErrorCode.REQUEST_TIMED_OUT, "Brokers came and went too fast to place the topic.");
}

/** How a topic is to be created in the picture of now; or the answer, when there is nothing to do. */
export function planTopic(cluster: Cluster, spec: TopicSpec, underWay: UnderWay): TopicPlan | TopicCreated {
  const { image } = cluster;
  const problem = problemWithSpec(image, spec);
  if (problem) return problem;
  const replicas = placement(cluster, image, spec, underWay);
  if (!Array.isArray(replicas)) return replicas;
  const nodes = replicas.map((each) => newPartition(image, each));
  const at = nodes.findIndex((node) => node.leader < 0);
  if (at >= 0) return noLiveReplica(at, spec);
  const shape = { partitions: nodes.length, replicationFactor: replicas[0]!.length };
  if (spec.validateOnly) return { error: ErrorCode.NONE, ...shape };
  const topicId = cluster.newTopicId();
  const operations = operationsFor(image, spec, { topicId, nodes });
  return { image, topicId, replicas, nodes, operations, created: { error: ErrorCode.NONE, topicId, ...shape } };
}

function operationsFor(
  image: ClusterImage,
  spec: TopicSpec,
  { topicId, nodes }: { topicId: string; nodes: readonly PartitionNode[] },
): Operation[] {
  const { name } = spec;
  const data = encode({ id: topicId, ...(isInternal(name) ? { internal: true } : {}) });
  return [
    { is: "create", path: paths.topic(name), data },
    { is: "create", path: paths.partitions(name), data: Buffer.alloc(0) },
    ...configOperations(image, spec),
    ...nodes.map((node, index) => createPartition(name, index, node)),
  ];
}

const alreadyExists = (name: string): Problem =>
  refuse(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`);

function problemWithSpec(image: ClusterImage, { name, configs }: TopicSpec): Problem | null {
  const nameProblem = problemWithTopicName(name);
  if (nameProblem) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, nameProblem);
  if (image.topics.has(name)) return alreadyExists(name);
  const other = collidingTopic(name, image.topics);
  if (other !== null)
    return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`);
  const configProblem = problemWithTopicConfigs(configs);
  return configProblem ? refuse(ErrorCode.INVALID_CONFIG, configProblem) : null;
}

function placement(cluster: Cluster, image: ClusterImage, spec: TopicSpec, underWay: UnderWay): number[][] | Problem {
  if (spec.assignments)
    return problemWithAssignments(image, spec.assignments) ?? spec.assignments.map((each) => [...each]);
  const partitions = spec.partitions === -1 ? cluster.config.topics.partitions : spec.partitions;
  const replicationFactor =
    spec.replicationFactor === -1 ? cluster.config.topics.replicationFactor : spec.replicationFactor;
  if (partitions < 1)
    return refuse(ErrorCode.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.");
  if (partitions > limits.partitionsPerRequestMax)
    return refuse(
      ErrorCode.INVALID_PARTITIONS,
      `More than ${limits.partitionsPerRequestMax} partitions in one request.`,
    );
  if (replicationFactor < 1)
    return refuse(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      "Replication factor must be larger than 0, or -1 to use the default value.",
    );
  return placed(image, { partitions, replicationFactor }, underWay);
}

/** Replicas for new partitions on the brokers of this image, or why there are none. */
export function placed(
  image: ClusterImage,
  wanted: { partitions: number; replicationFactor: number },
  underWay?: UnderWay,
): number[][] | Problem {
  const replicas = assign(candidatesOf(image, underWay), wanted);
  if (replicas) return replicas;
  const { replicationFactor } = wanted;
  return refuse(
    ErrorCode.INVALID_REPLICATION_FACTOR,
    `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
      `${replicationFactor} cannot be reached because only ${image.known.size} broker(s) are registered.`,
  );
}

/** What is wrong with replicas chosen by hand; all partitions need the same number, on brokers that exist. */
export function problemWithAssignments(
  image: ClusterImage,
  assignments: readonly (readonly number[])[],
  replicationFactor = assignments[0]?.length ?? 0,
): Problem | null {
  const wrong = (why: string): Problem => refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, why);
  if (assignments.length === 0) return wrong("The manual partition assignment is empty.");
  for (const replicas of assignments) {
    if (replicas.length === 0) return wrong("The manual partition assignment includes an empty replica list.");
    for (const [place, id] of replicas.entries()) {
      if (!image.known.has(id))
        return wrong(`The manual partition assignment includes broker ${id}, but no such broker is registered.`);
      if (replicas.indexOf(id) !== place)
        return wrong(`The manual partition assignment includes the broker ${id} more than once.`);
    }
    if (replicas.length !== replicationFactor)
      return wrong(
        `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not ` +
          `consistent with previous partitions, which have ${replicationFactor} replica(s).`,
      );
  }
  return null;
}

/** A new partition's ISR is its live replicas; the first of them leads. Leader -1: none of them is live. */
export function newPartition(image: ClusterImage, replicas: readonly number[]): PartitionNode {
  const isr = replicas.filter((id) => image.brokers.get(id)?.shuttingDown === false);
  return { replicas: [...replicas], leader: isr[0] ?? -1, leaderEpoch: 0, isr };
}

export function noLiveReplica(partition: number, spec: { assignments?: unknown }): Problem {
  return spec.assignments
    ? refuse(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `All brokers specified in the manual partition assignment for partition ${partition} are fenced or in controlled shutdown.`,
      )
    : refuse(ErrorCode.INVALID_REPLICATION_FACTOR, "Unable to replicate the partition: all brokers are stopping.");
}

/** "stale": a broker among the in-sync replicas registered meanwhile. */
async function write(
  cluster: Cluster,
  name: string,
  { image, topicId, nodes, operations }: TopicPlan,
): Promise<"done" | "exists" | "stale" | Problem> {
  const checks = registrationChecks(
    image,
    nodes.flatMap(({ isr }) => isr),
  );
  const first = [...checks, ...operations].slice(0, limits.multiOperationsMax);
  const rest = checks.length + operations.length - first.length;
  const outcome = await cluster.transact(first);
  if (outcome.is === "unanswered") return outcome;
  if (outcome.is === "failed") return outcome.path === paths.topic(name) ? "exists" : "stale";
  await cluster.reached(outcome.revision, { timeoutMs: limits.ownImageTimeoutMs });
  return writeRest(cluster, { name, topicId }, rest === 0 ? [] : nodes.slice(-rest));
}

/**
 * The partitions that one transaction could not hold, in order, by as many as it takes: a topic of more than some 490
 * partitions grows while it is created, and stays smaller when this broker dies meanwhile.
 */
async function writeRest(
  cluster: Cluster,
  { name, topicId }: { name: string; topicId: string },
  rest: readonly PartitionNode[],
): Promise<"done" | Problem> {
  const cutShort = refuse(ErrorCode.REQUEST_TIMED_OUT, `Not all partitions of '${name}' could be created.`);
  let left = rest;
  for (let refusals = 0; left.length > 0 && refusals < limits.transactionTriesMax;) {
    const { image } = cluster;
    const topic = image.topics.get(name);
    if (topic?.id !== topicId) return cutShort; // deleted meanwhile
    const nodes = left.map(({ replicas }) => newPartition(image, replicas)).filter(({ leader }) => leader >= 0);
    const checks: Operation[] = [
      { is: "check", path: paths.topic(name), version: topic.version },
      ...registrationChecks(
        image,
        nodes.flatMap(({ isr }) => isr),
      ),
    ];
    const step = nodes.length < left.length ? [] : nodes.slice(0, limits.multiOperationsMax - checks.length);
    const from = topic.partitions.length;
    const outcome =
      step.length > 0
        ? await cluster.transact([...checks, ...step.map((node, index) => createPartition(name, from + index, node))])
        : null;
    if (outcome?.is === "unanswered") return outcome;
    if (outcome?.is === "done") left = left.slice(step.length);
    else refusals++;
    const revision = outcome?.is === "done" ? outcome.revision : image.revision + 1;
    await cluster.reached(revision, { timeoutMs: limits.leaderTimeoutMs });
  }
  return left.length === 0 ? "done" : cutShort;
}

export const createPartition = (name: string, index: number, node: PartitionNode): Operation => ({
  is: "create",
  path: paths.partition(name, index),
  data: encode(node),
});

function configOperations(image: ClusterImage, { name, configs }: TopicSpec): Operation[] {
  const left = image.topicConfigs.get(name);
  const data = encode(configs);
  if (left) return [{ is: "set", path: paths.topicConfig(name), data, version: left.version }];
  return Object.keys(configs).length === 0 ? [] : [{ is: "create", path: paths.topicConfig(name), data }];
}
