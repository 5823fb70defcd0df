import { CreateTopicsApi, type CreateTopicsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import type { Placement } from "../controller/assign.ts";
import { createTopic, type Problem, type TopicSpec } from "../controller/create-topic.ts";
import { foldedName } from "../controller/topic-names.ts";
import { limits } from "../limits.ts";
import { Turns } from "../log/turns.ts";
import { topicEntries } from "./config-entries.ts";
import { handler, type Parts } from "./handler.ts";

// CreateTopics (key 19).
// Every topic is one transaction of its own, executed by whichever broker was asked; the answer comes when this broker's own
// picture shows the topic. Several are under way at once, and share the store's flushes; of names that collide each waits for the one before it.
// validateOnly checks everything and does nothing.

type Draft = ResponseDraft<typeof CreateTopicsApi>;
type Asked = CreateTopicsRequest["topics"][number];
type CreateParts = Pick<Parts, "cluster">;

export const createTopics = handler(CreateTopicsApi, create, {
  failed: (request, errorCode) => ({
    topics: request.topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
});

export async function create(parts: CreateParts, request: CreateTopicsRequest): Promise<Draft> {
  const repeated = repeatedNames(request);
  const refused = [...repeated].map((name) => ({
    name,
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: "Duplicate topic name.",
  }));
  const turns = new Turns(limits.topicsCreatedAtOnce);
  const before = new Map<string, Promise<unknown>>();
  const underWay = new Set<Placement>();
  const creating = request.topics
    .filter(({ name }) => !repeated.has(name))
    .map((asked) => {
      const folded = foldedName(asked.name);
      const earlier = before.get(folded);
      const created = turns.take(async () => {
        await earlier;
        return createOne(parts, asked, { validateOnly: request.validateOnly, underWay });
      });
      before.set(folded, created);
      return created;
    });
  return { topics: [...refused, ...(await Promise.all(creating))] };
}

function repeatedNames({ topics }: CreateTopicsRequest): Set<string> {
  const [seen, repeated] = [new Set<string>(), new Set<string>()];
  for (const { name } of topics) (seen.has(name) ? repeated : seen).add(name);
  return repeated;
}

async function createOne(
  { cluster }: CreateParts,
  asked: Asked,
  { validateOnly, underWay }: { validateOnly: boolean; underWay: Set<Placement> },
): Promise<Draft["topics"][number]> {
  const { name } = asked;
  const spec = specOf(asked, validateOnly);
  const created = "error" in spec ? spec : await createTopic(cluster, spec, underWay);
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
