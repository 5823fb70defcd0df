import { CreateTopicsApi, type CreateTopicsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { createTopic, type Problem, type TopicSpec } from "../controller/create-topic.ts";
import { topicEntries } from "./config-entries.ts";
import { handler, type Parts } from "./handler.ts";

// CreateTopics (key 19).
// Every topic is one transaction of its own, executed by whichever broker was asked; the answer comes when this broker's own
// picture shows the topic. validateOnly checks everything and does nothing.

type Draft = ResponseDraft<typeof CreateTopicsApi>;
type Asked = CreateTopicsRequest["topics"][number];
type CreateParts = Pick<Parts, "cluster">;

export const createTopics = handler(CreateTopicsApi, create, {
  failed: (request, errorCode) => ({
    topics: request.topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
});

export async function create(parts: CreateParts, request: CreateTopicsRequest): Promise<Draft> {
  const names = request.topics.map(({ name }) => name);
  const repeated = new Set(names.filter((name, at) => names.indexOf(name) !== at));
  const topics: Draft["topics"][number][] = [];
  for (const name of repeated)
    topics.push({ name, errorCode: ErrorCode.INVALID_REQUEST, errorMessage: "Duplicate topic name." });
  for (const asked of request.topics)
    if (!repeated.has(asked.name)) topics.push(await createOne(parts, asked, request.validateOnly));
  return { topics };
}

async function createOne(
  { cluster }: CreateParts,
  asked: Asked,
  validateOnly: boolean,
): Promise<Draft["topics"][number]> {
  const { name } = asked;
  const spec = specOf(asked, validateOnly);
  const created = "error" in spec ? spec : await createTopic(cluster, spec);
  if (created.error !== ErrorCode.NONE)
    return { name, errorCode: created.error, errorMessage: created.message ?? null };
  const { topicId, partitions = -1, replicationFactor = -1 } = created as Awaited<ReturnType<typeof createTopic>>;
  const made = Object.fromEntries(asked.configs.map((config) => [config.name, config.value ?? ""]));
  const options = { names: null, withSynonyms: false, withDocumentation: false };
  return {
    name,
    ...(topicId ? { topicId } : {}),
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor,
    configs: topicEntries({ topic: made, ...cluster.configLayers }, options).map((entry) => ({
      name: entry.name,
      value: entry.value,
      readOnly: entry.readOnly,
      configSource: entry.configSource ?? -1,
      isSensitive: entry.isSensitive,
    })),
  };
}

function specOf(asked: Asked, validateOnly: boolean): TopicSpec | Problem {
  const { name, numPartitions: partitions, replicationFactor } = asked;
  const configs = Object.fromEntries(asked.configs.map((config) => [config.name, config.value]));
  if (asked.assignments.length === 0) return { name, partitions, replicationFactor, configs, validateOnly };
  const wrong = (what: string): Problem => ({
    error: ErrorCode.INVALID_REQUEST,
    message: `A manual partition assignment was specified, but ${what} was not set to -1.`,
  });
  if (replicationFactor !== -1) return wrong("replication factor");
  if (partitions !== -1) return wrong("numPartitions");
  const sorted = [...asked.assignments].sort((one, other) => one.partitionIndex - other.partitionIndex);
  if (sorted.some(({ partitionIndex }, at) => partitionIndex !== at))
    return {
      error: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      message: "partitions should be a consecutive 0-based integer sequence",
    };
  const assignments = sorted.map(({ brokerIds }) => brokerIds);
  return { name, partitions, replicationFactor, assignments, configs, validateOnly };
}
