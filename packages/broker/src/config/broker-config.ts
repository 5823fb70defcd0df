import { assert } from "@odradek/kit";
import { checkProtocols, parseAddress, parseAdvertised, parseListeners, parseMembers } from "./addresses.ts";
import type { Address, Listener } from "./addresses.ts";
import { brokerConfig, RACK_AWARE } from "./broker-configs.ts";
import { listOf, numberOf } from "./definition.ts";
import { type ConfigSources, readSettings } from "./sources.ts";

/** A broker's own configuration: read once, frozen; each room gets its slice. Durations in ms, sizes in bytes. */
export type BrokerConfig = {
  readonly brokerId: number;
  readonly rack: string | null;
  readonly dataDirectories: readonly string[];
  readonly metadata: {
    readonly members: ReadonlyMap<number, string>;
    readonly sessionTimeoutMs: number;
    readonly connectTimeoutMs: number;
  };
  readonly listeners: readonly Listener[];
  /** A port of 0 stands for the port that the listener of that name gets. */
  readonly advertised: readonly Listener[];
  readonly grpc: { readonly listener: Address; readonly advertised: Address };
  readonly http: Address | null;
  readonly network: {
    readonly requestBytesMax: number;
    readonly requestsInProgressMax: number;
    readonly idleMsMax: number;
    readonly connectionsMax: number;
    readonly connectionsPerAddressMax: number;
    readonly requestTimeoutMs: number;
  };
  readonly fetch: { readonly bytesMax: number; readonly sessionsMax: number; readonly isRackAware: boolean };
  readonly topics: {
    readonly autoCreate: boolean;
    readonly deletable: boolean;
    readonly partitions: number;
    readonly replicationFactor: number;
  };
  readonly replication: {
    readonly lagTimeMsMax: number;
    readonly partitionBytesMax: number;
    readonly responseBytesMax: number;
    readonly highWatermarkCheckpointMs: number;
    readonly preferredLeaders: boolean;
    readonly preferredLeaderDelayMs: number;
    readonly controlledShutdown: boolean;
  };
  readonly log: {
    readonly retentionCheckMs: number;
    readonly scrubBytesPerSecond: number;
    readonly recoveryPointCheckpointMs: number;
    readonly initialDelayMs: number;
    readonly recoveriesAtOnce: number;
    readonly flush: "kafka" | "group";
  };
  readonly compaction: {
    readonly enabled: boolean;
    readonly backoffMs: number;
    readonly bytesPerSecondMax: number;
    readonly mapBytesMax: number;
  };
  readonly groups: {
    readonly initialRebalanceDelayMs: number;
    readonly sessionTimeoutMsMin: number;
    readonly sessionTimeoutMsMax: number;
    readonly membersMax: number;
  };
  readonly offsets: {
    readonly partitions: number;
    readonly replicationFactor: number;
    readonly segmentBytes: number;
    readonly retentionMs: number;
    readonly retentionCheckMs: number;
    readonly metadataBytesMax: number;
    readonly commitTimeoutMs: number;
  };
  readonly producers: { readonly expirationMs: number; readonly transactionTimeoutMsMax: number };
  /** The settings somebody made, as written: what DescribeConfigs calls static. */
  readonly settings: ReadonlyMap<string, string>;
};

/**
 * The configuration from file, environment and flags.
 * Throws ConfigError whose message has one line per problem, naming key, value and what is allowed.
 */
export function readBrokerConfig(sources: ConfigSources): { config: BrokerConfig; warnings: string[] } {
  const { settings, warnings } = readSettings(sources);
  return { config: brokerConfigFrom(settings), warnings };
}

/** The configuration of exactly these settings, which were checked before. */
export function brokerConfigFrom(settings: ReadonlyMap<string, string>): BrokerConfig {
  const optional = (name: string): string | undefined => {
    const definition = brokerConfig.get(name);
    assert(definition, `${name} is in the table`);
    return (settings.get(name) || definition.default) ?? undefined;
  };
  const text = (name: string): string => optional(name) ?? "";
  const number = (name: string): number => numberOf(text(name));
  const flag = (name: string): boolean => text(name).toLowerCase() === "true";
  checkProtocols(text("listener.security.protocol.map"));
  const listeners = parseListeners("listeners", text("listeners"));
  const grpc = parseAddress("odradek.grpc.listener", text("odradek.grpc.listener"));
  const grpcAdvertised = optional("odradek.grpc.advertised");
  const http = optional("odradek.http.listener");
  return frozen({
    brokerId: number("node.id"),
    rack: optional("broker.rack") ?? null,
    dataDirectories: directoriesIn(text("log.dirs"), text("log.dir")),
    metadata: {
      members: parseMembers("odradek.metadata.connect", text("odradek.metadata.connect")),
      sessionTimeoutMs: number("odradek.session.timeout.ms"),
      connectTimeoutMs: number("odradek.connect.timeout.ms"),
    },
    listeners,
    advertised: parseAdvertised(listeners, optional("advertised.listeners")),
    grpc: {
      listener: grpc,
      advertised: grpcAdvertised ? parseAddress("odradek.grpc.advertised", grpcAdvertised) : grpc,
    },
    http: http ? parseAddress("odradek.http.listener", http) : null,
    network: networkSlice(number),
    fetch: { ...fetchSlice(number), isRackAware: text("replica.selector.class") === RACK_AWARE },
    topics: {
      autoCreate: flag("auto.create.topics.enable"),
      deletable: flag("delete.topic.enable"),
      partitions: number("num.partitions"),
      replicationFactor: number("default.replication.factor"),
    },
    replication: {
      lagTimeMsMax: number("replica.lag.time.max.ms"),
      partitionBytesMax: number("replica.fetch.max.bytes"),
      responseBytesMax: number("replica.fetch.response.max.bytes"),
      highWatermarkCheckpointMs: number("replica.high.watermark.checkpoint.interval.ms"),
      preferredLeaders: flag("auto.leader.rebalance.enable"),
      preferredLeaderDelayMs: number("leader.imbalance.check.interval.seconds") * 1000,
      controlledShutdown: flag("controlled.shutdown.enable"),
    },
    log: {
      retentionCheckMs: number("log.retention.check.interval.ms"),
      scrubBytesPerSecond: number("odradek.scrub.bytes.per.second"),
      recoveryPointCheckpointMs: number("log.flush.offset.checkpoint.interval.ms"),
      initialDelayMs: number("log.initial.task.delay.ms"),
      recoveriesAtOnce: number("num.recovery.threads.per.data.dir"),
      flush: text("odradek.flush") === "group" ? "group" : "kafka",
    },
    compaction: compactionSlice(number, flag),
    groups: {
      initialRebalanceDelayMs: number("group.initial.rebalance.delay.ms"),
      sessionTimeoutMsMin: number("group.min.session.timeout.ms"),
      sessionTimeoutMsMax: number("group.max.session.timeout.ms"),
      membersMax: number("group.max.size"),
    },
    offsets: offsetsSlice(number),
    producers: {
      expirationMs: number("producer.id.expiration.ms"),
      transactionTimeoutMsMax: number("transaction.max.timeout.ms"),
    },
    settings,
  });
}

function directoriesIn(several: string, one: string): readonly string[] {
  const directories = listOf(several);
  return directories.length > 0 ? [...new Set(directories)] : [one];
}

type NumberOf = (name: string) => number;

const fetchSlice = (number: NumberOf): Omit<BrokerConfig["fetch"], "isRackAware"> => ({
  bytesMax: number("fetch.max.bytes"),
  sessionsMax: number("max.incremental.fetch.session.cache.slots"),
});

const networkSlice = (number: NumberOf): BrokerConfig["network"] => ({
  requestBytesMax: number("socket.request.max.bytes"),
  requestsInProgressMax: number("queued.max.requests"),
  idleMsMax: number("connections.max.idle.ms"),
  connectionsMax: number("max.connections"),
  connectionsPerAddressMax: number("max.connections.per.ip"),
  requestTimeoutMs: number("request.timeout.ms"),
});

const compactionSlice = (number: NumberOf, flag: (name: string) => boolean): BrokerConfig["compaction"] => ({
  enabled: flag("log.cleaner.enable") && number("log.cleaner.threads") > 0,
  backoffMs: number("log.cleaner.backoff.ms"),
  bytesPerSecondMax: number("log.cleaner.io.max.bytes.per.second"),
  mapBytesMax: number("log.cleaner.dedupe.buffer.size"),
});

const offsetsSlice = (number: NumberOf): BrokerConfig["offsets"] => ({
  partitions: number("offsets.topic.num.partitions"),
  replicationFactor: number("offsets.topic.replication.factor"),
  segmentBytes: number("offsets.topic.segment.bytes"),
  retentionMs: number("offsets.retention.minutes") * 60_000,
  retentionCheckMs: number("offsets.retention.check.interval.ms"),
  metadataBytesMax: number("offset.metadata.max.bytes"),
  commitTimeoutMs: number("offsets.commit.timeout.ms"),
});

function frozen(config: BrokerConfig): BrokerConfig {
  for (const slice of Object.values(config)) if (typeof slice === "object" && slice !== null) Object.freeze(slice);
  return Object.freeze(config);
}
