import { CreateTopicsApi, type CreateTopicsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import type { Problem, TopicCreated, TopicSpec } from "../controller/create-topic.ts";
import { createTopics as createAll } from "../controller/create-topics.ts";
import { topicEntries } from "./config-entries.ts";
import { handler, type Parts } from "./handler.ts";
import { repeatedOf } from "./repeated.ts";

// CreateTopics (key 19).
// The topics are created by as few transactions as hold them, each all or nothing, by whichever broker was asked; where one fails its topics are
// created one by one. The answer comes when this broker's own picture shows them. Of names that collide each waits for the one before it.
// validateOnly checks everything and does nothing.

type Draft = ResponseDraft<typeof CreateTopicsApi>;
type Asked = CreateTopicsRequest["topics"][number];
type Entries = NonNullable<Draft["topics"][number]["configs"]>;
type CreateParts = Pick<Parts, "cluster">;

export const createTopics = handler(CreateTopicsApi, create, {
  failed: (request, errorCode) => ({
    topics: request.topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
});

export async function create({ cluster }: CreateParts, request: CreateTopicsRequest): Promise<Draft> {
  const repeated = repeatedOf(request.topics.map(({ name }) => name));
  const refused = [...repeated].map((name) => ({
    name,
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: "Duplicate topic name.",
  }));
  const asked = request.topics.filter(({ name }) => !repeated.has(name));
  const specs = asked.map((one) => specOf(one, request.validateOnly));
  const created = await createAll(
    cluster,
    specs.filter((spec): spec is TopicSpec => !("error" in spec)),
  );
  const answers = specs.map((spec) => ("error" in spec ? spec : created.shift()!));
  const entriesOf = entriesIn(cluster);
  return { topics: [...refused, ...asked.map((one, at) => answerTo(one, answers[at]!, entriesOf))] };
}

function answerTo(
  asked: Asked,
  created: TopicCreated,
  entriesOf: (configs: Asked["configs"]) => Entries,
): Draft["topics"][number] {
  const { name } = asked;
  if (created.error !== ErrorCode.NONE)
    return { name, errorCode: created.error, errorMessage: created.message ?? null };
  const { topicId, partitions = -1, replicationFactor = -1 } = created;
  return {
    name,
    ...(topicId ? { topicId } : {}),
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor,
    configs: entriesOf(asked.configs),
  };
}

/** The settings of new topics. Nearly all topics of one request have the same: these are made once. */
function entriesIn(cluster: CreateParts["cluster"]): (configs: Asked["configs"]) => Entries {
  const made = new Map<string, Entries>();
  const options = { names: null, withSynonyms: false, withDocumentation: false };
  return (configs) => {
    const topic = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ""]));
    const key = JSON.stringify(topic);
    const entries =
      made.get(key) ??
      topicEntries({ topic, ...cluster.configLayers }, options).map((entry) => ({
        name: entry.name,
        value: entry.value,
        readOnly: entry.readOnly,
        configSource: entry.configSource ?? -1,
        isSensitive: entry.isSensitive,
      }));
    made.set(key, entries);
    return entries;
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
