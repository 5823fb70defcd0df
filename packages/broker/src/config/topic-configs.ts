import { type ConfigDefinition, numberOf, problemWith, UNBOUNDED } from "./definition.ts";

/** A broker setting that gives a topic setting its default; `factor` turns its unit into the topic setting's. */
export type Synonym = { name: string; factor: number };

export type TopicConfigDefinition = ConfigDefinition & {
  scope: "topic";
  /** Broker settings that stand in when the topic has none, most specific first. */
  synonyms: readonly Synonym[];
};

const same = (...names: string[]): Synonym[] => names.map((name) => ({ name, factor: 1 }));
const timed = (stem: string, minutes: boolean): Synonym[] => [
  { name: `${stem}.ms`, factor: 1 },
  ...(minutes ? [{ name: `${stem}.minutes`, factor: 60_000 }] : []),
  { name: `${stem}.hours`, factor: 3_600_000 },
];

type Row = Pick<ConfigDefinition, "type" | "default" | "doc"> &
  Partial<Pick<ConfigDefinition, "unit" | "atLeast" | "atMost" | "oneOf" | "check">> & { from?: Synonym[] };

const row = (name: string, { from = [], unit = null, ...rest }: Row): TopicConfigDefinition => ({
  name,
  unit,
  scope: "topic",
  dynamic: true,
  synonyms: from,
  ...rest,
});

const throttled = (value: string): string | null =>
  value === "" || value === "*" || value.split(",").every((pair) => /^\s*\d+:\d+\s*$/.test(pair))
    ? null
    : "Must be the literal '*' or a list of replicas in the form [partitionId]:[brokerId],…";

/** Every topic setting of Kafka 4.3 with Kafka's default (PROTOCOL §8), sorted by name. */
export const topicConfigs: readonly TopicConfigDefinition[] = [
  row("cleanup.policy", {
    type: "list",
    default: "delete",
    oneOf: ["compact", "delete"],
    from: same("log.cleanup.policy"),
    doc: "What happens to old records: delete removes whole segments by age and size, compact keeps the newest record per key.",
  }),
  row("compression.gzip.level", {
    type: "int",
    default: "-1",
    atLeast: -1,
    atMost: 9,
    from: same("compression.gzip.level"),
    doc: "Level for gzip when compression.type is gzip; -1 is gzip's own default.",
  }),
  row("compression.lz4.level", {
    type: "int",
    default: "9",
    atLeast: 1,
    atMost: 17,
    from: same("compression.lz4.level"),
    doc: "Accepted; the lz4 here has one level.",
  }),
  row("compression.type", {
    type: "string",
    default: "producer",
    oneOf: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
    from: same("compression.type"),
    doc: "Codec of stored batches: what comes in another one is packed anew; producer keeps each batch as it was sent.",
  }),
  row("compression.zstd.level", {
    type: "int",
    default: "3",
    atLeast: -131072,
    atMost: 22,
    from: same("compression.zstd.level"),
    doc: "Level for zstd when compression.type is zstd.",
  }),
  row("delete.retention.ms", {
    type: "long",
    default: "86400000",
    unit: "ms",
    atLeast: 0,
    from: same("log.cleaner.delete.retention.ms"),
    doc: "How long tombstones stay in a compacted log, so that slow readers still see the deletion.",
  }),
  row("file.delete.delay.ms", {
    type: "long",
    default: "60000",
    unit: "ms",
    atLeast: 0,
    from: same("log.segment.delete.delay.ms"),
    doc: "Wait between taking a segment out of the log and removing its files.",
  }),
  row("flush.messages", {
    type: "long",
    default: UNBOUNDED,
    unit: "records",
    atLeast: 1,
    from: same("log.flush.interval.messages"),
    doc: "Force the log to disk after this many records; unset, replication and the page cache carry durability.",
  }),
  row("flush.ms", {
    type: "long",
    default: UNBOUNDED,
    unit: "ms",
    atLeast: 0,
    from: same("log.flush.interval.ms"),
    doc: "Force the log to disk after this time.",
  }),
  row("follower.replication.throttled.replicas", {
    type: "list",
    default: "",
    check: throttled,
    doc: "Replicas whose replication is throttled on the follower's side: PARTITION:BROKER,… or *.",
  }),
  row("index.interval.bytes", {
    type: "int",
    default: "4096",
    unit: "bytes",
    atLeast: 0,
    from: same("log.index.interval.bytes"),
    doc: "Bytes of log between two entries of the offset index.",
  }),
  row("leader.replication.throttled.replicas", {
    type: "list",
    default: "",
    check: throttled,
    doc: "Replicas whose replication is throttled on the leader's side: PARTITION:BROKER,… or *.",
  }),
  row("local.retention.bytes", {
    type: "long",
    default: "-2",
    unit: "bytes",
    atLeast: -2,
    from: same("log.local.retention.bytes"),
    doc: "Only meaningful with tiered storage, which this broker does not have.",
  }),
  row("local.retention.ms", {
    type: "long",
    default: "-2",
    unit: "ms",
    atLeast: -2,
    from: same("log.local.retention.ms"),
    doc: "Only meaningful with tiered storage, which this broker does not have.",
  }),
  row("max.compaction.lag.ms", {
    type: "long",
    default: UNBOUNDED,
    unit: "ms",
    atLeast: 1,
    from: same("log.cleaner.max.compaction.lag.ms"),
    doc: "A record is compacted after this time at the latest.",
  }),
  row("max.message.bytes", {
    type: "int",
    default: "1048588",
    unit: "bytes",
    atLeast: 0,
    from: same("message.max.bytes"),
    doc: "Largest batch the topic takes.",
  }),
  row("message.timestamp.after.max.ms", {
    type: "long",
    default: "3600000",
    unit: "ms",
    atLeast: 0,
    from: same("log.message.timestamp.after.max.ms"),
    doc: "How far a record's own timestamp may lie in the future.",
  }),
  row("message.timestamp.before.max.ms", {
    type: "long",
    default: UNBOUNDED,
    unit: "ms",
    atLeast: 0,
    from: same("log.message.timestamp.before.max.ms"),
    doc: "How far a record's own timestamp may lie in the past.",
  }),
  row("message.timestamp.type", {
    type: "string",
    default: "CreateTime",
    oneOf: ["CreateTime", "LogAppendTime"],
    from: same("log.message.timestamp.type"),
    doc: "Whether a record carries the producer's time or the time of the append.",
  }),
  row("min.cleanable.dirty.ratio", {
    type: "double",
    default: "0.5",
    atLeast: 0,
    atMost: 1,
    from: same("log.cleaner.min.cleanable.ratio"),
    doc: "Share of the log that must be uncompacted before compaction starts.",
  }),
  row("min.compaction.lag.ms", {
    type: "long",
    default: "0",
    unit: "ms",
    atLeast: 0,
    from: same("log.cleaner.min.compaction.lag.ms"),
    doc: "A record stays uncompacted at least this long.",
  }),
  row("min.insync.replicas", {
    type: "int",
    default: "1",
    atLeast: 1,
    from: same("min.insync.replicas"),
    doc: "With acks=all a write needs this many in-sync replicas (never more than the partition has replicas).",
  }),
  row("preallocate", {
    type: "boolean",
    default: "false",
    from: same("log.preallocate"),
    doc: "Accepted; segments are never preallocated.",
  }),
  row("remote.log.copy.disable", {
    type: "boolean",
    default: "false",
    doc: "Only meaningful with tiered storage, which this broker does not have.",
  }),
  row("remote.log.delete.on.disable", {
    type: "boolean",
    default: "false",
    doc: "Only meaningful with tiered storage, which this broker does not have.",
  }),
  row("remote.storage.enable", {
    type: "boolean",
    default: "false",
    check: (value) => (value === "true" ? "Tiered Storage functionality is disabled in the broker" : null),
    doc: "Tiered storage, which this broker does not have: only false is accepted.",
  }),
  row("retention.bytes", {
    type: "long",
    default: "-1",
    unit: "bytes",
    atLeast: -1,
    from: same("log.retention.bytes"),
    doc: "Oldest segments are deleted while a partition is larger than this; -1: no limit.",
  }),
  row("retention.ms", {
    type: "long",
    default: "604800000",
    unit: "ms",
    atLeast: -1,
    from: timed("log.retention", true),
    doc: "Segments whose newest record is older than this are deleted; -1: never.",
  }),
  row("segment.bytes", {
    type: "int",
    default: "1073741824",
    unit: "bytes",
    atLeast: 1048576,
    from: same("log.segment.bytes"),
    doc: "Size at which a segment is closed and a new one begun.",
  }),
  row("segment.index.bytes", {
    type: "int",
    default: "10485760",
    unit: "bytes",
    atLeast: 4,
    from: same("log.index.size.max.bytes"),
    doc: "Largest index of a segment; a full index closes the segment.",
  }),
  row("segment.jitter.ms", {
    type: "long",
    default: "0",
    unit: "ms",
    atLeast: 0,
    from: timed("log.roll.jitter", false),
    doc: "Random time taken off segment.ms so that segments do not all roll at once.",
  }),
  row("segment.ms", {
    type: "long",
    default: "604800000",
    unit: "ms",
    atLeast: 1,
    from: timed("log.roll", false),
    doc: "Age at which a segment is closed even if it is not full.",
  }),
  row("unclean.leader.election.enable", {
    type: "boolean",
    default: "false",
    from: same("unclean.leader.election.enable"),
    doc: "Lets a replica outside the ISR lead when no other is left, at the price of losing acknowledged records.",
  }),
];

export const topicConfig: ReadonlyMap<string, TopicConfigDefinition> = new Map(
  topicConfigs.map((definition) => [definition.name, definition]),
);

/** What is wrong with settings meant for a topic, or null. */
export function problemWithTopicConfigs(settings: Readonly<Record<string, string | null>>): string | null {
  for (const [name, value] of Object.entries(settings)) {
    const definition = topicConfig.get(name);
    if (!definition) return `Unknown topic config name: ${name}`;
    if (value === null) return `Null value not supported for topic configs: ${name}`;
    const problem = problemWith(definition, value);
    if (problem) return problem;
  }
  return problemWithLags(settings);
}

/** Each lag may be right and both together can't be kept. */
export function problemWithLags(settings: Readonly<Record<string, string | null>>): string | null {
  const lag = (name: string): number => numberOf(settings[name] ?? topicConfig.get(name)!.default!);
  const [least, most] = [lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms")];
  if (least <= most) return null;
  return `conflict topic config setting min.compaction.lag.ms (${least}) > max.compaction.lag.ms (${most})`;
}
