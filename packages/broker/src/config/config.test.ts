import { describe, expect, test } from "vitest";
import {
  brokerConfigs,
  ConfigError,
  ConfigSource,
  parseProperties,
  problemWith,
  readBrokerConfig,
  resolveTopicConfig,
  topicConfig,
  topicConfigs,
  topicStatements,
} from "../config.ts";

const nothing = { topic: {}, broker: {}, brokers: {}, static: new Map<string, string>() };

describe("the table", () => {
  test("every default is allowed by its own row, and every name stands once", () => {
    for (const table of [topicConfigs, brokerConfigs]) {
      expect(new Set(table.map(({ name }) => name)).size).toBe(table.length);
      for (const row of table) if (row.default !== null) expect(problemWith(row, row.default)).toBeNull();
    }
  });

  test("every synonym of a topic setting is a broker setting", () => {
    const names = new Set(brokerConfigs.map(({ name }) => name));
    for (const { synonyms } of topicConfigs) for (const { name } of synonyms) expect(names).toContain(name);
  });

  test.each([
    ["retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"],
    ["retention.ms", "-5", "Invalid value -5 for configuration retention.ms: Value must be at least -1"],
    [
      "retention.ms",
      "9223372036854775808",
      "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG",
    ],
    ["segment.bytes", "100", "Invalid value 100 for configuration segment.bytes: Value must be at least 1048576"],
    [
      "segment.bytes",
      "2147483648",
      "Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT",
    ],
    [
      "cleanup.policy",
      "compact,foo",
      "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
    ],
    [
      "preallocate",
      "maybe",
      "Invalid value maybe for configuration preallocate: Expected value to be either true or false",
    ],
    [
      "min.cleanable.dirty.ratio",
      "1.5",
      "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
    ],
  ])("%s=%s is refused in Kafka's words", (name, value, expected) => {
    expect(problemWith(topicConfig.get(name)!, value)).toBe(expected);
  });

  test.each([
    ["retention.ms", "-1"],
    ["flush.messages", "9223372036854775807"],
    ["cleanup.policy", "delete, compact"],
    ["cleanup.policy", ""],
    ["min.cleanable.dirty.ratio", "0.25"],
    ["unclean.leader.election.enable", "TRUE"],
  ])("%s=%s is taken", (name, value) => {
    expect(problemWith(topicConfig.get(name)!, value)).toBeNull();
  });
});

describe("sources", () => {
  test("flags win over the environment, which wins over the file", () => {
    const file = "num.partitions=2\nlog.retention.hours = 1\nmin.insync.replicas: 3\n";
    const environment = { KAFKA_NUM_PARTITIONS: "4", KAFKA_CFG_MIN_INSYNC_REPLICAS: "2", PATH: "/bin" };
    const { config, warnings } = readBrokerConfig({ file, environment, settings: ["num.partitions=6"] });
    expect(config.topics.partitions).toBe(6);
    expect(config.settings.get("min.insync.replicas")).toBe("2");
    expect(config.settings.get("log.retention.hours")).toBe("1");
    expect(warnings).toEqual([]);
  });

  test("settings of ours are found without the prefix, broker.id is node.id, and what is unknown gives one warning per source", () => {
    const environment = {
      ODRADEK_GRPC_LISTENER: "h:1",
      KAFKA_BROKER_ID: "7",
      KAFKA_NO_SUCH: "x",
      KAFKA_NOR_THAT: "y",
      KAFKA_HEAP_OPTS: "-Xmx1G",
    };
    const { config, warnings } = readBrokerConfig({ file: "process.roles=broker\n", environment });
    expect(config.brokerId).toBe(7);
    expect(config.grpc.listener).toEqual({ host: "h", port: 1 });
    expect(warnings).toEqual([
      "unknown settings in the file: process.roles",
      "unknown settings in the environment: KAFKA_NOR_THAT, KAFKA_NO_SUCH",
    ]);
  });

  test("every bad value is named with its key and what is allowed; a flag must be known", () => {
    const bad = () => readBrokerConfig({ file: "num.partitions=0", settings: ["log.retenton.ms=1", "node.id=x"] });
    expect(bad).toThrow(ConfigError);
    expect(bad).toThrow(
      /num\.partitions: Value must be at least 1\nUnknown setting log\.retenton\.ms.*\n.*node\.id: Not a number/,
    );
  });

  test("a .properties file as Java reads it", () => {
    const text =
      "# comment\n! comment\na=1\n b : 2 \nc 3\nlong=one,\\\n   two\nempty=\npath=C\\:\\\\x\\u0041\nkey\\ with\\ space=v\n";
    expect(Object.fromEntries(parseProperties(text))).toEqual({
      a: "1",
      b: "2",
      c: "3",
      long: "one,two",
      empty: "",
      path: "C:\\xA",
      "key with space": "v",
    });
  });

  test("listeners: what is advertised has a listener, a host, and the port that was given", () => {
    const listeners = ["listeners=host://0.0.0.0:9092,container://:29092"];
    const advertised = "advertised.listeners=host://localhost:9093,container://broker-1:29092";
    expect(readBrokerConfig({ settings: [...listeners, advertised] }).config.advertised).toEqual([
      { name: "host", host: "localhost", port: 9093 },
      { name: "container", host: "broker-1", port: 29092 },
    ]);
    expect(readBrokerConfig({ settings: listeners }).config.advertised[0]).toEqual({
      name: "host",
      host: "localhost",
      port: 9092,
    });
    expect(() => readBrokerConfig({ settings: [...listeners, "advertised.listeners=other://h:1"] })).toThrow(
      /no listener is named other/,
    );
    expect(() => readBrokerConfig({ settings: [...listeners, "advertised.listeners=host://0.0.0.0:1"] })).toThrow(
      /can't connect/,
    );
    expect(() => readBrokerConfig({ settings: ["listeners=nonsense"] })).toThrow(
      /listeners: expected NAME:\/\/HOST:PORT/,
    );
    expect(() => readBrokerConfig({ settings: ["listener.security.protocol.map=A:SASL_SSL"] })).toThrow(
      /only PLAINTEXT/,
    );
  });

  test("members of the coordination store", () => {
    const { members } = readBrokerConfig({ settings: ["odradek.metadata.connect=1=a:2181, 2=[::1]:2182"] }).config
      .metadata;
    expect([...members]).toEqual([
      [1, "a:2181"],
      [2, "[::1]:2182"],
    ]);
  });
});

describe("a topic's configuration", () => {
  test("Kafka's defaults", () => {
    expect(resolveTopicConfig(nothing)).toMatchObject({
      retentionMs: 604_800_000,
      retentionBytes: Infinity,
      segmentBytes: 1_073_741_824,
      maxMessageBytes: 1_048_588,
      flushMessages: Infinity,
      cleanupPolicy: { delete: true, compact: false },
      uncleanLeaderElection: false,
    });
  });

  test("the topic's own setting, then this broker's, all brokers', the file's, the default", () => {
    const layers = {
      topic: { "retention.ms": "5" },
      broker: { "log.retention.ms": "4" },
      brokers: { "log.retention.ms": "3" },
      static: new Map([
        ["log.retention.minutes", "2"],
        ["log.retention.hours", "1"],
      ]),
    };
    const stated = topicStatements(topicConfig.get("retention.ms")!, layers);
    expect(stated.map(({ name, value, source }) => [name, value, source])).toEqual([
      ["retention.ms", "5", ConfigSource.topic],
      ["log.retention.ms", "4", ConfigSource.dynamicBroker],
      ["log.retention.ms", "3", ConfigSource.dynamicDefault],
      ["log.retention.minutes", "120000", ConfigSource.static],
      ["log.retention.hours", "3600000", ConfigSource.static],
      ["log.retention.hours", "604800000", ConfigSource.default],
    ]);
    expect(resolveTopicConfig({ ...layers, topic: {}, broker: {}, brokers: {} }).retentionMs).toBe(120_000);
  });

  test("-1 is no bound, in any unit", () => {
    expect(resolveTopicConfig({ ...nothing, topic: { "retention.ms": "-1" } }).retentionMs).toBe(Infinity);
    expect(resolveTopicConfig({ ...nothing, static: new Map([["log.retention.hours", "-1"]]) }).retentionMs).toBe(
      Infinity,
    );
  });

  test("a list of policies", () => {
    const policy = (value: string) =>
      resolveTopicConfig({ ...nothing, topic: { "cleanup.policy": value } }).cleanupPolicy;
    expect(policy("compact, delete")).toEqual({ delete: true, compact: true });
    expect(policy("compact")).toEqual({ delete: false, compact: true });
    expect(policy("")).toEqual({ delete: false, compact: false });
  });
});
