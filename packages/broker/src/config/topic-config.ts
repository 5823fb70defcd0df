import { assert } from "@odradek/kit";
import { brokerConfig } from "./broker-configs.ts";
import { listOf, numberOf } from "./definition.ts";
import { topicConfig, type TopicConfigDefinition } from "./topic-configs.ts";

/** The configuration of one topic, resolved. Numbers are exact; "no bound" is Infinity. */
export type TopicConfig = {
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly segmentJitterMs: number;
  readonly indexIntervalBytes: number;
  readonly segmentIndexBytes: number;
  readonly maxMessageBytes: number;
  /** Never more than the partition has replicas (DESIGN D4). */
  readonly minInsyncReplicas: number;
  readonly cleanupPolicy: { readonly delete: boolean; readonly compact: boolean };
  readonly minCleanableDirtyRatio: number;
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  readonly deleteRetentionMs: number;
  readonly messageTimestampType: "CreateTime" | "LogAppendTime";
  readonly messageTimestampBeforeMaxMs: number;
  readonly messageTimestampAfterMaxMs: number;
  readonly flushMessages: number;
  readonly flushMs: number;
  readonly fileDeleteDelayMs: number;
  readonly uncleanLeaderElection: boolean;
  readonly compressionType: string;
  /** By codec; those that are not named have one level. */
  readonly compressionLevels: Readonly<Partial<Record<string, number>>>;
  readonly leaderThrottled: ReplicaList;
  readonly followerThrottled: ReplicaList;
};

/** Replicas as PARTITION:BROKER, or all of them. */
export type ReplicaList = ReadonlySet<string> | "all";

export const lists = (list: ReplicaList, partition: number, broker: number): boolean =>
  list === "all" || (list.size > 0 && list.has(`${partition}:${broker}`));

/** Settings made somewhere, by name. */
export type Settings = Readonly<Record<string, string>>;

/** Where a topic's settings may come from, nearest first. */
export type ConfigLayers = {
  topic: Settings;
  /** Made while running, for this broker and for all of them. */
  broker: Settings;
  brokers: Settings;
  /** From file, environment and flags. */
  static: ReadonlyMap<string, string>;
};

/** Kafka's numbers for where a value comes from (DescribeConfigs). */
export const ConfigSource = { topic: 1, dynamicBroker: 2, dynamicDefault: 3, static: 4, default: 5 } as const;

/** One place that gives a setting a value. `value` is in the setting's own unit, `stated` as it was written there. */
export type Stated = { name: string; value: string; stated: string; source: number };

/** Every place that states a broker setting, nearest first; the table's default comes last, if it has one. */
export function brokerStatements(name: string, layers: Omit<ConfigLayers, "topic">): Stated[] {
  const stated: Stated[] = [];
  const add = (value: string | null | undefined, source: number): void => {
    if (value !== undefined && value !== null) stated.push({ name, value, stated: value, source });
  };
  add(layers.broker[name], ConfigSource.dynamicBroker);
  add(layers.brokers[name], ConfigSource.dynamicDefault);
  add(layers.static.get(name), ConfigSource.static);
  add(brokerConfig.get(name)?.default, ConfigSource.default);
  return stated;
}

/** Every place that states a topic setting, nearest first; the first one counts. */
export function topicStatements(definition: TopicConfigDefinition, layers: ConfigLayers): Stated[] {
  const { name } = definition;
  const own = layers.topic[name];
  const stated: Stated[] = own === undefined ? [] : [{ name, value: own, stated: own, source: ConfigSource.topic }];
  const fromBroker = definition.synonyms.flatMap((synonym) =>
    brokerStatements(synonym.name, layers).map((one) => ({ ...one, value: converted(one.value, synonym.factor) })),
  );
  stated.push(...fromBroker);
  if (fromBroker.length === 0 && definition.default !== null)
    stated.push({ name, value: definition.default, stated: definition.default, source: ConfigSource.default });
  return stated;
}

/** -1 hours are -1 milliseconds: no bound in either unit. */
const converted = (value: string, factor: number): string =>
  factor === 1 || Number(value) < 0 ? value : String(Number(value) * factor);

export function resolveTopicConfig(layers: ConfigLayers): TopicConfig {
  const text = (name: string): string => {
    const definition = topicConfig.get(name);
    assert(definition, `${name} is a topic setting`);
    return topicStatements(definition, layers)[0]!.value;
  };
  const number = (name: string): number => numberOf(text(name));
  const limit = (name: string): number => (number(name) < 0 ? Infinity : number(name));
  const policies = listOf(text("cleanup.policy"));
  return Object.freeze({
    retentionMs: limit("retention.ms"),
    retentionBytes: limit("retention.bytes"),
    segmentBytes: number("segment.bytes"),
    segmentMs: number("segment.ms"),
    segmentJitterMs: number("segment.jitter.ms"),
    indexIntervalBytes: number("index.interval.bytes"),
    segmentIndexBytes: number("segment.index.bytes"),
    maxMessageBytes: number("max.message.bytes"),
    minInsyncReplicas: number("min.insync.replicas"),
    cleanupPolicy: Object.freeze({ delete: policies.includes("delete"), compact: policies.includes("compact") }),
    minCleanableDirtyRatio: number("min.cleanable.dirty.ratio"),
    minCompactionLagMs: number("min.compaction.lag.ms"),
    maxCompactionLagMs: number("max.compaction.lag.ms"),
    deleteRetentionMs: number("delete.retention.ms"),
    messageTimestampType: text("message.timestamp.type") as TopicConfig["messageTimestampType"],
    messageTimestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    messageTimestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    flushMessages: number("flush.messages"),
    flushMs: number("flush.ms"),
    fileDeleteDelayMs: number("file.delete.delay.ms"),
    uncleanLeaderElection: text("unclean.leader.election.enable").toLowerCase() === "true",
    compressionType: text("compression.type"),
    compressionLevels: Object.freeze({
      gzip: number("compression.gzip.level"),
      zstd: number("compression.zstd.level"),
    }),
    leaderThrottled: replicaList(text("leader.replication.throttled.replicas")),
    followerThrottled: replicaList(text("follower.replication.throttled.replicas")),
  });
}

const replicaList = (value: string): ReplicaList => (value.trim() === "*" ? "all" : new Set(listOf(value)));
