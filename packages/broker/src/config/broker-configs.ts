import { type ConfigDefinition, UNBOUNDED } from "./definition.ts";
import { topicConfigs } from "./topic-configs.ts";

type Row = Partial<Pick<ConfigDefinition, "unit" | "scope" | "dynamic" | "atLeast" | "atMost" | "oneOf" | "check">>;

const row = (
  name: string,
  type: ConfigDefinition["type"],
  fallback: string | null,
  doc: string,
  rest: Row = {},
): ConfigDefinition => ({ name, type, default: fallback, unit: null, scope: "broker", dynamic: false, doc, ...rest });

const ms = { unit: "ms", atLeast: 0 } as const;
const bytes = { unit: "bytes", atLeast: 0 } as const;
const count = { atLeast: 1 } as const;
const cluster = { scope: "cluster" } as const;
const INT_MAX = "2147483647";
/** Kafka's two replica selectors (KIP-392). */
const LEADER_ONLY = "org.apache.kafka.common.replica.LeaderSelector";
export const RACK_AWARE = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
const UNUSED = "Accepted for compatibility and without effect: ";

/** Who the broker is and where it is reached. `odradek.*` names are ours, all others Kafka's. */
const identity: readonly ConfigDefinition[] = [
  row("node.id", "int", "1", "Number of this broker, unique in the cluster.", { atLeast: 0 }),
  row(
    "broker.rack",
    "string",
    null,
    "Where this broker stands: replicas of a partition are kept in different racks, and clients are told.",
  ),
  row("log.dir", "string", "/tmp/kafka-logs", "Directory of the partitions, when log.dirs is not set."),
  row("log.dirs", "list", null, "Directories of the partitions, on different disks: when one fails, the others go on."),
  row(
    "listeners",
    "list",
    "PLAINTEXT://:9092",
    "NAME://HOST:PORT, separated by commas; an empty host is every interface.",
  ),
  row("advertised.listeners", "list", null, "What clients are told for each listener; unset: the same as listeners."),
  row(
    "listener.security.protocol.map",
    "string",
    "PLAINTEXT:PLAINTEXT",
    "NAME:PROTOCOL, separated by commas; PLAINTEXT is the only protocol.",
  ),
  row(
    "odradek.metadata.connect",
    "list",
    "1=127.0.0.1:2181",
    "Members of the coordination store as ID=HOST:PORT, separated by commas.",
  ),
  row("odradek.grpc.listener", "string", "127.0.0.1:19092", "HOST:PORT where other brokers replicate from this one."),
  row(
    "odradek.grpc.advertised",
    "string",
    null,
    "HOST:PORT other brokers are told; unset: the same as odradek.grpc.listener.",
  ),
  row("odradek.http.listener", "string", null, "HOST:PORT of health and metrics; unset: none."),
  row(
    "odradek.session.timeout.ms",
    "int",
    "6000",
    "Silence after which the coordination store counts this broker as dead, and it stops leading.",
    { unit: "ms", atLeast: 500, atMost: 300000 },
  ),
  row("odradek.connect.timeout.ms", "int", "60000", "How long to look for the coordination store at start.", ms),
];

const network: readonly ConfigDefinition[] = [
  row("socket.request.max.bytes", "int", "104857600", "Largest request frame.", { unit: "bytes", atLeast: 1 }),
  row(
    "queued.max.requests",
    "int",
    "500",
    "Requests one connection may have in progress before it is no longer read.",
    count,
  ),
  row("connections.max.idle.ms", "long", "600000", "A connection that is silent this long is closed.", { unit: "ms" }),
  row("max.connections", "int", INT_MAX, "Connections this broker accepts.", { atLeast: 0 }),
  row("max.connections.per.ip", "int", INT_MAX, "Connections this broker accepts from one address.", { atLeast: 0 }),
  row("request.timeout.ms", "int", "30000", "Deadline of requests that carry none of their own.", ms),
  row("fetch.max.bytes", "int", "57671680", "Most record bytes in one Fetch response.", {
    unit: "bytes",
    atLeast: 1024,
  }),
  row(
    "max.incremental.fetch.session.cache.slots",
    "int",
    "1000",
    "Clients whose fetches this broker remembers from one to the next (KIP-227).",
    {
      atLeast: 0,
    },
  ),
  row("num.network.threads", "int", "3", `${UNUSED}one event loop does all network input and output.`, count),
  row("num.io.threads", "int", "8", `${UNUSED}Node's own pool does the disk work.`, count),
  row("background.threads", "int", "10", `${UNUSED}there are no background threads.`, count),
];

const topics: readonly ConfigDefinition[] = [
  row(
    "auto.create.topics.enable",
    "boolean",
    "true",
    "A client that asks for an unknown topic creates it, unless it says otherwise.",
    cluster,
  ),
  row("delete.topic.enable", "boolean", "true", "Topics may be deleted.", cluster),
  row("num.partitions", "int", "1", "Partitions of a topic created without a number.", { ...cluster, atLeast: 1 }),
  row("default.replication.factor", "int", "1", "Replicas of a topic created without a number.", {
    ...cluster,
    atLeast: 1,
    atMost: 32767,
  }),
];

const replication: readonly ConfigDefinition[] = [
  row(
    "replica.lag.time.max.ms",
    "long",
    "10000",
    "A follower that has not caught up for this long leaves the ISR. (Kafka: 30000.)",
    ms,
  ),
  row("replica.fetch.max.bytes", "int", "1048576", "Record bytes per partition in one replication message.", bytes),
  row("replica.fetch.response.max.bytes", "int", "10485760", "Record bytes on their way to one follower.", bytes),
  row("replica.fetch.wait.max.ms", "int", "500", `${UNUSED}replication is pushed on an open stream.`, ms),
  row("replica.fetch.min.bytes", "int", "1", `${UNUSED}replication is pushed on an open stream.`, bytes),
  row(
    "replica.high.watermark.checkpoint.interval.ms",
    "long",
    "5000",
    "How often high watermarks are written to disk.",
    ms,
  ),
  row(
    "leader.replication.throttled.rate",
    "long",
    UNBOUNDED,
    "Bytes a second this broker sends to followers of the replicas in leader.replication.throttled.replicas that are not in sync.",
    { ...bytes, dynamic: true },
  ),
  row(
    "follower.replication.throttled.rate",
    "long",
    UNBOUNDED,
    "Bytes a second each leader sends to this broker for the replicas in follower.replication.throttled.replicas that are not in sync.",
    { ...bytes, dynamic: true },
  ),
  row(
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "long",
    UNBOUNDED,
    `${UNUSED}replicas are not moved between directories.`,
    { ...bytes, dynamic: true },
  ),
  row("num.replica.fetchers", "int", "1", `${UNUSED}there is one stream per pair of brokers.`, count),
  row(
    "replica.selector.class",
    "string",
    null,
    "RackAwareReplicaSelector: consumers that say their rack read from an in-sync replica in it. Unset: from the leader.",
    { ...cluster, oneOf: ["", LEADER_ONLY, RACK_AWARE] },
  ),
  row(
    "auto.leader.rebalance.enable",
    "boolean",
    "true",
    "Leadership returns to the preferred (first) replica once it is in sync again.",
    cluster,
  ),
  row(
    "leader.imbalance.check.interval.seconds",
    "long",
    "300",
    "How often leaderships go back to preferred replicas that are in sync again.",
    { ...cluster, unit: "s", atLeast: 1 },
  ),
  row("controlled.shutdown.enable", "boolean", "true", "A stopping broker hands its leaderships over first."),
];

const log: readonly ConfigDefinition[] = [
  row("log.retention.check.interval.ms", "long", "300000", "How often old segments are looked for.", {
    unit: "ms",
    atLeast: 1,
  }),
  row("log.flush.offset.checkpoint.interval.ms", "int", "60000", "How often recovery points are written to disk.", ms),
  row("log.initial.task.delay.ms", "long", "30000", "Wait after start before retention and flushing begin.", ms),
  row("num.recovery.threads.per.data.dir", "int", "2", "Logs recovered at the same time after an unclean stop.", count),
  row("log.cleaner.enable", "boolean", "true", "Compacts logs whose cleanup.policy says so."),
  row("log.cleaner.threads", "int", "1", "0: no compaction. Otherwise one log is compacted at a time.", { atLeast: 0 }),
  row("log.cleaner.dedupe.buffer.size", "long", "134217728", "What the keys of one pass of compaction may take.", {
    unit: "bytes",
    atLeast: 1048576,
  }),
  row(
    "log.cleaner.io.max.bytes.per.second",
    "double",
    "1.7976931348623157E308",
    "Most bytes compaction reads and writes in a second.",
    { unit: "bytes", atLeast: 1 },
  ),
  row("log.cleaner.backoff.ms", "long", "15000", "Wait between two looks for logs to compact.", ms),
  row("log.cleaner.io.buffer.size", "int", "524288", `${UNUSED}compaction reads in slices of its own.`, bytes),
  row("log.cleaner.io.buffer.load.factor", "double", "0.9", `${UNUSED}the map of keys grows as it must.`, {
    atLeast: 0,
    atMost: 1,
  }),
  row(
    "odradek.scrub.bytes.per.second",
    "long",
    "4194304",
    "How fast stored records are read again in the background and checked; 0: never.",
    { atLeast: 0 },
  ),
  row(
    "odradek.flush",
    "string",
    "kafka",
    "kafka: as flush.messages and flush.ms say. group: acknowledged means on stable storage; set it on all brokers.",
    { oneOf: ["kafka", "group"] },
  ),
];

const groups: readonly ConfigDefinition[] = [
  row("offsets.topic.num.partitions", "int", "50", "Partitions of __consumer_offsets, fixed when it is created.", {
    ...cluster,
    atLeast: 1,
  }),
  row("offsets.topic.replication.factor", "short", "3", "Replicas of __consumer_offsets.", { ...cluster, atLeast: 1 }),
  row("offsets.topic.segment.bytes", "int", "104857600", "Segment size of __consumer_offsets.", {
    ...cluster,
    unit: "bytes",
    atLeast: 1048576,
  }),
  row("offsets.retention.minutes", "int", "10080", "Committed offsets of a group without members live this long.", {
    ...cluster,
    unit: "min",
    atLeast: 1,
  }),
  row("offsets.retention.check.interval.ms", "long", "600000", "How often expired offsets are looked for.", {
    unit: "ms",
    atLeast: 1,
  }),
  row("offset.metadata.max.bytes", "int", "4096", "Largest note a client may commit with an offset.", bytes),
  row("offsets.commit.timeout.ms", "int", "5000", "Deadline for a commit to be replicated.", {
    unit: "ms",
    atLeast: 1,
  }),
  row(
    "group.initial.rebalance.delay.ms",
    "int",
    "3000",
    "Wait for more members before a new group's first rebalance.",
    ms,
  ),
  row("group.min.session.timeout.ms", "int", "6000", "Shortest session timeout a member may ask for.", ms),
  row("group.max.session.timeout.ms", "int", "1800000", "Longest session timeout a member may ask for.", ms),
  row("group.max.size", "int", INT_MAX, "Most members of a group.", count),
];

const producers: readonly ConfigDefinition[] = [
  row("producer.id.expiration.ms", "int", "86400000", "A producer that has not written for this long is forgotten.", {
    unit: "ms",
    atLeast: 1,
  }),
  row("transaction.max.timeout.ms", "int", "900000", "Longest transaction timeout a producer may ask for.", {
    unit: "ms",
    atLeast: 1,
  }),
  row("transactional.id.expiration.ms", "int", "604800000", `${UNUSED}there are no transactions yet.`, {
    unit: "ms",
    atLeast: 1,
  }),
  row("transaction.state.log.num.partitions", "int", "50", `${UNUSED}there are no transactions yet.`, count),
  row("transaction.state.log.replication.factor", "short", "3", `${UNUSED}there are no transactions yet.`, count),
  row("transaction.state.log.min.isr", "int", "2", `${UNUSED}there are no transactions yet.`, count),
];

/** Broker settings that only give a topic setting its default when the setting in milliseconds is absent. */
const coarse: readonly ConfigDefinition[] = [
  row("log.retention.minutes", "int", null, "Like log.retention.ms, in minutes.", { unit: "min" }),
  row("log.retention.hours", "int", "168", "Like log.retention.ms, in hours.", { unit: "h" }),
  row("log.roll.hours", "int", "168", "Like log.roll.ms, in hours.", { unit: "h", atLeast: 1 }),
  row("log.roll.jitter.hours", "int", "0", "Like log.roll.jitter.ms, in hours.", { unit: "h", atLeast: 0 }),
];

/** The broker's side of every topic setting: the same type, bounds and default, and changeable while the broker runs. */
function topicDefaults(): ConfigDefinition[] {
  return topicConfigs.flatMap((topic) => {
    const synonym = topic.synonyms[0];
    if (!synonym) return [];
    const unsetHere = topic.synonyms.length > 1 || synonym.name === "log.flush.interval.ms";
    const { synonyms: _, ...definition } = topic;
    const doc = `Default of the topic setting ${topic.name}. ${topic.doc}`;
    return [
      { ...definition, name: synonym.name, scope: "cluster" as const, doc, default: unsetHere ? null : topic.default },
    ];
  });
}

/** Every broker setting, sorted by name. */
export const brokerConfigs: readonly ConfigDefinition[] = [
  ...identity,
  ...network,
  ...topics,
  ...replication,
  ...log,
  ...groups,
  ...producers,
  ...coarse,
  ...topicDefaults(),
].sort((one, other) => (one.name < other.name ? -1 : 1));

export const brokerConfig: ReadonlyMap<string, ConfigDefinition> = new Map(
  brokerConfigs.map((definition) => [definition.name, definition]),
);
