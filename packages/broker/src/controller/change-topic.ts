import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, TopicImage } from "../cluster/image.ts";
import { targetOf } from "../cluster/moves.ts";
import { paths } from "../cluster/nodes.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import {
  createPartition,
  newPartition,
  noLiveReplica,
  placed,
  type Problem,
  problemWithAssignments,
} from "./create-topic.ts";

const none: Problem = { error: ErrorCode.NONE, message: "" };
const timedOut: Problem = { error: ErrorCode.REQUEST_TIMED_OUT, message: "The topic changed too fast." };
const unknownTopic: Problem = {
  error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  message: "This server does not host this topic-partition.",
};

/** Deletes a topic with its partitions and settings in one transaction, and waits until our own picture shows it. */
export async function deleteTopic(cluster: Cluster, topic: TopicImage): Promise<Problem> {
  for (let attempt = 0; attempt < limits.transactionTriesMax; attempt++) {
    const { image } = cluster;
    if (image.topics.get(topic.name)?.id !== topic.id) return unknownTopic;
    const operations: Operation[] = [
      { is: "delete", path: paths.topic(topic.name), version: topic.version, recursive: true },
    ];
    if (image.topicConfigs.has(topic.name))
      operations.push({ is: "delete", path: paths.topicConfig(topic.name), version: "any" });
    const outcome = await cluster.transact(operations);
    if (outcome.is === "unanswered") return outcome;
    if (outcome.is === "done") {
      await cluster.reached(outcome.revision, { timeoutMs: limits.ownImageTimeoutMs });
      return none;
    }
    await cluster.reached(image.revision + 1, { timeoutMs: limits.leaderTimeoutMs });
  }
  return timedOut;
}

export type PartitionsWanted = {
  topic: string;
  /** Partitions afterwards. */
  count: number;
  /** Replicas of each new partition; null: placed by load. */
  assignments: readonly (readonly number[])[] | null;
  validateOnly: boolean;
};

/** Adds partitions to a topic. Those that exist stay as they are. */
export async function addPartitions(cluster: Cluster, wanted: PartitionsWanted): Promise<Problem> {
  for (let attempt = 0; attempt < limits.transactionTriesMax; attempt++) {
    const { image } = cluster;
    const topic = image.topics.get(wanted.topic);
    if (!topic) return unknownTopic;
    const replicas = placement(image, topic, wanted);
    if (!Array.isArray(replicas)) return replicas;
    const nodes = replicas.map((each) => newPartition(image, each));
    const at = nodes.findIndex((node) => node.leader < 0);
    if (at >= 0) return noLiveReplica(topic.partitions.length + at, { assignments: wanted.assignments ?? undefined });
    if (wanted.validateOnly) return none;
    const operations: Operation[] = [
      { is: "check", path: paths.topic(topic.name), version: topic.version },
      ...registrationChecks(
        image,
        nodes.flatMap(({ isr }) => isr),
      ),
    ];
    // A request for more than one transaction can hold grows the topic in steps; the next round of this loop goes on.
    const step = nodes.slice(0, limits.multiOperationsMax - operations.length);
    const first = topic.partitions.length;
    const outcome = await cluster.transact([
      ...operations,
      ...step.map((node, index) => createPartition(topic.name, first + index, node)),
    ]);
    if (outcome.is === "unanswered") return outcome;
    const revision = outcome.is === "done" ? outcome.revision : image.revision + 1;
    await cluster.reached(revision, { timeoutMs: limits.leaderTimeoutMs });
    if (outcome.is === "done" && step.length === nodes.length) return none;
  }
  return timedOut;
}

function placement(image: ClusterImage, topic: TopicImage, wanted: PartitionsWanted): number[][] | Problem {
  const now = topic.partitions.length;
  const added = wanted.count - now;
  const invalid = (message: string): Problem => ({ error: ErrorCode.INVALID_PARTITIONS, message });
  if (added === 0) return invalid(`Topic already has ${now} partition(s).`);
  if (added < 0)
    return invalid(
      `The topic ${topic.name} currently has ${now} partition(s); ${wanted.count} would not be an increase.`,
    );
  if (wanted.count > limits.partitionsPerRequestMax)
    return invalid(`More than ${limits.partitionsPerRequestMax} partitions.`);
  const replicationFactor = topic.partitions[0] ? targetOf(topic.partitions[0]).length : 1;
  if (!wanted.assignments) return placed(image, { partitions: added, replicationFactor });
  if (wanted.assignments.length !== added)
    return {
      error: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      message: `Attempted to add ${added} additional partition(s), but only ${wanted.assignments.length} assignment(s) were specified.`,
    };
  const problem = problemWithAssignments(image, wanted.assignments, replicationFactor);
  return problem ?? wanted.assignments.map((replicas) => [...replicas]);
}
