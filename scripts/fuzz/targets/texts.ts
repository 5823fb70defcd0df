import { imageOf } from "../../../packages/broker/src/cluster/image.ts";
import { ConfigError } from "../../../packages/broker/src/config/definition.ts";
import { readBrokerConfig } from "../../../packages/broker/src/config/broker-config.ts";
import { readFlags } from "../../../packages/broker/src/config/flags.ts";
import { parseProperties } from "../../../packages/broker/src/config/sources.ts";
import { resolveTopicConfig } from "../../../packages/broker/src/config/topic-config.ts";
import { problemWithTopicConfigs, topicConfigs } from "../../../packages/broker/src/config/topic-configs.ts";
import { fromLogRecord } from "../../../packages/broker/src/coordinator/group/records.ts";
import {
  ProtocolError,
  readAssignment,
  readSubscription,
  writeAssignment,
  writeGroupMetadataKey,
  writeGroupMetadataValue,
  writeOffsetCommitKey,
  writeOffsetCommitValue,
  writeSubscription,
} from "@odradek/protocol";
import type { Znode } from "@odradek/metadata/client";
import { expect, type Target } from "../target.ts";

const kinds = ["subscription", "assignment", "record"] as const;
const kindAt = (bytes: Buffer): number => (bytes[0] ?? 0) % kinds.length;

const keyed = (key: Buffer, value: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(key.length);
  return Buffer.concat([Buffer.from([2]), length, key, value]);
};

/** What members of a group tell each other, and the records of `__consumer_offsets`; the first byte says which. */
export const groups: Target = {
  name: "groups",
  isExpected: (error) => error instanceof ProtocolError,
  kindOf: kindAt,
  seeds: () => {
    const owned = [{ topic: "words", partitions: [0, 1] }];
    const subscription = { topics: ["words"], userData: null, ownedPartitions: owned, generationId: 3, rackId: "r" };
    const member = {
      memberId: "m",
      clientId: "c",
      clientHost: "/h",
      sessionTimeout: 1,
      subscription: Buffer.alloc(3),
      assignment: Buffer.alloc(0),
    };
    return [
      ...[0, 1, 2, 3].map((version) =>
        Buffer.concat([
          Buffer.from([0]),
          writeSubscription(version === 3 ? subscription : { topics: ["words"], userData: null }, version),
        ]),
      ),
      Buffer.concat([Buffer.from([1]), writeAssignment({ assignedPartitions: owned, userData: Buffer.alloc(2) })]),
      keyed(
        writeOffsetCommitKey({ group: "g", topic: "t", partition: 0 }),
        writeOffsetCommitValue({ offset: 3, metadata: "", commitTimestamp: 1 }),
      ),
      keyed(
        writeGroupMetadataKey({ group: "g" }),
        writeGroupMetadataValue({ protocolType: "consumer", generation: 1, members: [member] }),
      ),
    ];
  },
  run(bytes) {
    const blob = bytes.subarray(1);
    switch (kinds[kindAt(bytes)]!) {
      case "subscription":
        return readSubscription(blob).topics.length;
      case "assignment":
        return readAssignment(blob).assignedPartitions.length;
      case "record": {
        const keyEnd = 2 + (blob.length < 2 ? 0 : blob.readUInt16BE(0));
        const [key, value] = [blob.subarray(2, keyEnd), blob.subarray(keyEnd)];
        const record = fromLogRecord({
          offset: 0,
          timestamp: 0,
          key,
          value: value.length > 0 ? value : null,
          headers: [],
        });
        return record === null ? 0 : record.is.length;
      }
    }
  },
};

/** A file of settings, a command line (words apart by NUL), and a topic's settings; the first byte says which. */
export const settings: Target = {
  name: "settings",
  isExpected: (error) => error instanceof ConfigError,
  kindOf: (bytes) => (bytes[0] ?? 0) % 3,
  dictionary: [
    ...["\\", "\\u0041", ":", "=", "://", "[::1]:1", "1=h:1", "--set", "-1", "9223372036854775807", "1e9", " \u2028 "],
    ...topicConfigs.map(({ name }) => `\n${name}=1`),
  ].map((text) => Buffer.from(text)),
  seeds: () =>
    [
      "\u0000node.id=3\nlisteners=PLAINTEXT://:9092,OTHER://[::1]:9093\nlog.dirs = /a, /b\n# words\nlog.retention.ms: \\\n  17\n",
      "\u0000odradek.metadata.connect=1=a:1,2=b:2\nadvertised.listeners=PLAINTEXT://localhost:1\n",
      "\u0001--id\u00003\u0000--kafka\u0000:9092\u0000--set\u0000log.retention.ms=4\u0000--metadata\u00001=a:1",
      "\u0002cleanup.policy=compact,delete\nretention.ms=-1\nmin.insync.replicas=2\nleader.replication.throttled.replicas=0:1,*\n",
    ].map((text) => Buffer.from(text)),
  // The whole table of settings is gone through for every file.
  allowedBytes: (bytes) => 1024 * 1024 + 64 * bytes,
  run(bytes) {
    const text = bytes.toString("utf8", 1);
    switch ((bytes[0] ?? 0) % 3) {
      case 0:
        return readBrokerConfig({ file: text }).warnings.length;
      case 1:
        return readFlags(text.split("\u0000")).settings.length;
      default: {
        const topic = Object.fromEntries(parseProperties(text));
        if (problemWithTopicConfigs(topic) !== null) return 1;
        const resolved = resolveTopicConfig({ topic, broker: {}, brokers: {}, static: new Map() });
        for (const [name, value] of Object.entries(resolved))
          expect(typeof value !== "number" || !Number.isNaN(value), `${name} is no number`);
        return 2;
      }
    }
  },
};

const nodeOf = (line: string): Znode => {
  const [path = "", ...rest] = line.split(" ");
  const about = { version: 1, createdRevision: 1, modifiedRevision: 1, owner: null, childCount: 0 };
  return { path, data: Buffer.from(rest.join(" ")), ...about };
};

/** A tree that somebody wrote by hand, a line per node: path and data. */
export const images: Target = {
  name: "images",
  isExpected: () => false,
  dictionary: [
    '"endpoints"',
    '"leaderEpoch"',
    '"isr"',
    "null",
    "[]",
    "{}",
    "1e400",
    "\n/topics/a/partitions/",
    "4294967294",
  ].map((text) => Buffer.from(text)),
  seeds: () => [
    Buffer.from(
      [
        '/brokers/ids/1 {"endpoints":[{"name":"P","host":"h","port":9}],"grpc":"h:1","rack":null,"incarnation":"i","shuttingDown":false,"since":1}',
        '/topics/words {"id":"AbCdEfGhIjKlMnOpQrStUv"}',
        '/topics/words/partitions/0 {"replicas":[1,2],"leader":1,"leaderEpoch":3,"isr":[1],"adding":[2],"removing":[]}',
        '/config/topics/words {"retention.ms":"1"}',
        '/controller {"broker":1,"incarnation":"i"}',
        '/controller-epoch {"epoch":4}',
        "/cluster/id abc",
      ].join("\n"),
    ),
  ],
  run(bytes) {
    const image = imageOf(1, bytes.toString("utf8").split("\n").map(nodeOf));
    for (const { endpoints } of image.brokers.values())
      for (const endpoint of endpoints) expect(typeof endpoint.host === "string", "a broker at no address");
    for (const { partitions } of image.topics.values())
      for (const { replicas, isr } of partitions)
        expect(replicas.concat(isr).every(Number.isInteger), "a replica of no broker");
    return image.brokers.size + 4 * image.topics.size;
  },
};
