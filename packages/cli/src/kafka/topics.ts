import { type Admin, KafkaError } from "@odradek/client";
import { confirm } from "../terminal/confirm.ts";
import { Failure } from "../terminal/failure.ts";
import { print, printJson, printList, tell, type OutputOptions } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { withAdmin } from "./admin.ts";
import { parseSettings } from "./settings.ts";
import type { KafkaOptions } from "./target.ts";

type Common = KafkaOptions & OutputOptions;

export type CreateOptions = {
  topics: string[];
  partitions: number | undefined;
  replicas: number | undefined;
  config: string[];
  "if-not-exists": boolean;
};
export type AlterOptions = { topic: string; config: string[]; unset: string[]; partitions: number | undefined };
export type DeleteOptions = { topics: string[]; yes: boolean; "if-exists": boolean };

export function listTopics(options: Common & { internal: boolean }): Promise<void> {
  return withAdmin(options, async (admin) => {
    const found = await admin.listTopics();
    const rows = found
      .filter(({ isInternal }) => options.internal || !isInternal)
      .map(({ name, partitionCount, replicationFactor, isInternal }) => ({
        topic: name,
        partitions: partitionCount,
        replicas: replicationFactor,
        internal: isInternal,
      }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
    await printList(rows, options, [
      ["TOPIC", ({ topic }) => topic],
      ["PARTITIONS", ({ partitions }) => partitions],
      ["REPLICAS", ({ replicas }) => replicas],
    ]);
  });
}

export function createTopic(options: Common & CreateOptions): Promise<void> {
  return withAdmin(options, async (admin) => {
    const configs = parseSettings(options.config);
    for (const name of options.topics) {
      const wish = {
        name,
        configs,
        ...(options.partitions === undefined ? {} : { partitionCount: options.partitions }),
        ...(options.replicas === undefined ? {} : { replicationFactor: options.replicas }),
      };
      const made = await unless("TOPIC_ALREADY_EXISTS", options["if-not-exists"], () => admin.createTopics([wish]));
      tell(made ? `created ${name}` : `${name} exists already`);
    }
  });
}

export function deleteTopics(options: Common & DeleteOptions): Promise<void> {
  return withAdmin(options, async (admin) => {
    await confirm(`delete ${options.topics.join(", ")} and all records in it`, options.yes);
    for (const name of options.topics) {
      const gone = await unless("UNKNOWN_TOPIC_OR_PARTITION", options["if-exists"], async () => {
        await admin.deleteTopics([name]);
        return true;
      });
      tell(gone ? `deleted ${name}` : `there is no ${name}`);
    }
  });
}

export function alterTopic(options: Common & AlterOptions): Promise<void> {
  const { topic: name, partitions, unset } = options;
  const set = parseSettings(options.config);
  if (partitions === undefined && unset.length === 0 && options.config.length === 0)
    throw new Failure("usage", "nothing to change: give --config, --unset or --partitions");
  return withAdmin(options, async (admin) => {
    if (partitions !== undefined) await admin.createPartitions([{ topic: name, partitionCount: partitions }]);
    if (unset.length > 0 || options.config.length > 0) await admin.alterConfigs([{ type: "topic", name, set, unset }]);
    tell(`changed ${name}`);
  });
}

export function describeTopics(options: Common & { topics: string[] }): Promise<void> {
  return withAdmin(options, async (admin) => {
    const described = await Promise.all(options.topics.map((name) => describeTopic(admin, name)));
    if (options.output === "json") return printJson(described.length === 1 ? described[0] : described);
    if (options.output === "name") return print(described.map(({ topic }) => `${topic}\n`).join(""));
    return print(described.map(topicText).join("\n"));
  });
}

type Described = Awaited<ReturnType<typeof describeTopic>>;

async function describeTopic(admin: Admin, name: string) {
  const [topics, configs] = await Promise.all([
    admin.describeTopics([name]),
    admin.describeConfigs([{ type: "topic", name }]),
  ]);
  const topic = topics[0];
  if (!topic) throw new Failure("notFound", `there is no topic ${name}`);
  const led = topic.partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => ({ topic: name, partition }));
  const [starts, ends] = await Promise.all([admin.listOffsets(led, "earliest"), admin.listOffsets(led, "latest")]);
  const offsetOf = (found: typeof starts, wanted: number): number | null =>
    found.find(({ partition }) => partition === wanted)?.offset ?? null;
  return {
    topic: topic.name,
    topicId: topic.topicId,
    internal: topic.isInternal,
    partitions: topic.partitions.map(({ partition, leader, leaderEpoch, replicas, inSyncReplicas }) => ({
      partition,
      leader,
      leaderEpoch,
      replicas,
      inSyncReplicas,
      start: offsetOf(starts, partition),
      high: offsetOf(ends, partition),
    })),
    configs: Object.fromEntries(
      (configs[0]?.configs ?? []).filter(({ isDefault }) => !isDefault).map((config) => [config.name, config.value]),
    ),
  };
}

function topicText({ topic, topicId, partitions, configs }: Described): string {
  const rows = partitions.map((partition) => [
    String(partition.partition),
    partition.leader < 0 ? "none" : String(partition.leader),
    String(partition.leaderEpoch),
    partition.replicas.join(","),
    partition.inSyncReplicas.join(","),
    String(partition.start ?? "-"),
    String(partition.high ?? "-"),
  ]);
  const settings = Object.entries(configs).map(([key, value]) => `${key}=${value}`);
  const head = `topic ${topic}  id ${topicId}  ${settings.join(" ")}`.trimEnd();
  return `${head}\n${table(["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "HIGH"], rows)}`;
}

/** Null when the one error that was said to be no failure came. */
async function unless<T>(codeName: string, isFine: boolean, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isFine && error instanceof KafkaError && error.codeName === codeName) return null;
    throw error;
  }
}
