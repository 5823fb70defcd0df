import { readdirSync, readFileSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@odradek/kit/testing";
import { type BatchDraft, buildBatch } from "@odradek/protocol";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Address, ask, makeTopic } from "../bench/wire.ts";
import { foreignDump } from "./foreign-dump.ts";
import { LocalCluster } from "./local-cluster.ts";

// Whether another reader of Kafka's files takes ours, after all that befalls a log. KAFKA_DUMP_LOG is the command of Kafka's own:
// "java -cp KAFKA/libs/* org.apache.kafka.tools.DumpLogSegments", for example; without it there is nothing to ask.

const command = process.env["KAFKA_DUMP_LOG"]?.split(" ") ?? null;
if (command === null) console.warn("skipped: KAFKA_DUMP_LOG names no DumpLogSegments");

const BROKERS = [1, 2, 3];
const TOPICS = ["plain", "latest"];
const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
const KEYS = 60;
const ROUNDS = 40;
const [ALL, LEADER] = [-1, 1];
/** Of replication, to one follower: limits of the broker and of its sockets. */
const SENT_AHEAD_BYTES_MAX = 24 * 1024 * 1024;
const random = new SeededRandom(1);

describe.runIf(command !== null)("files that another Kafka reads", { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "odradek-dump-"));
  const sequences = new Map<string, number>();
  let cluster: LocalCluster;

  beforeAll(async () => {
    const settings = {
      "log.cleaner.backoff.ms": "100",
      "log.cleaner.min.cleanable.ratio": "0.01",
      "log.segment.bytes": "1048576",
      // Brokers that stand still for a moment stay in sync.
      "odradek.session.timeout.ms": "30000",
      "min.insync.replicas": "1",
    };
    cluster = await LocalCluster.start({ brokers: 3, metadata: 1, settings, dataDirectory: directory });
    for (const name of TOPICS) {
      const topic = { name, partitions: 1, replicas: BROKERS };
      await makeTopic(address(1), { ...topic, settings: name === "latest" ? { "cleanup.policy": "compact" } : {} });
    }
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const address = (id: number): Address => ({ host: "127.0.0.1", port: cluster.kafkaPorts.get(id)! });
  const partitionDirectory = (id: number, topic: string): string => join(directory, `broker-${id}`, `${topic}-0`);
  const bytesOf = (id: number, topic: string): Buffer => {
    const at = partitionDirectory(id, topic);
    const logs = readdirSync(at).filter((name) => name.endsWith(".log"));
    return Buffer.concat(logs.sort().map((name) => readFileSync(join(at, name))));
  };

  /** A batch of an idempotent producer, over all keys; the last key is deleted. */
  function batchOf(
    topic: string,
    what: string,
    { valueBytes = 500, ...draft }: Partial<BatchDraft> & { valueBytes?: number } = {},
  ): Buffer {
    const value = (key: number): Buffer | null =>
      key === KEYS - 1 ? null : Buffer.from(`${what} ${random.bytes(valueBytes).toString("base64")}`);
    const records = Array.from({ length: KEYS }, (_, key) => ({ key: Buffer.from(`key-${key}`), value: value(key) }));
    if (draft.producer) return buildBatch({ records, timestamp: Date.now(), ...draft });
    const baseSequence = sequences.get(topic) ?? 0;
    sequences.set(topic, baseSequence + KEYS);
    return buildBatch({ records, timestamp: Date.now(), producer: { id: 4711, epoch: 0, baseSequence }, ...draft });
  }

  async function produce(leader: number, topic: string, records: Buffer, acks = ALL): Promise<void> {
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
    const { responses } = await ask(address(leader), ProduceApi, 9, { acks, timeoutMs: 20_000, topicData });
    const { errorCode } = responses[0]!.partitionResponses[0]!;
    if (errorCode !== 0) throw new Error(`producing to ${topic}: error ${errorCode}`);
  }

  async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadlineMs = performance.now() + 60_000; performance.now() < deadlineMs;) {
      if (await isSo()) return;
      await new Promise((again) => setTimeout(again, 50));
    }
    throw new Error(`not in a minute: ${what}`);
  }

  /** The leader of a partition once it is another than `before`, and has `inSync` replicas in sync. */
  async function leaderOf(topic: string, inSync: number, { through = 2, before = -1 } = {}): Promise<number> {
    let leader = -1;
    await until(`${topic} has a leader and ${inSync} replicas in sync`, async () => {
      const asked = { topics: [{ name: topic }], allowAutoTopicCreation: false };
      const [partition] = (await ask(address(through), MetadataApi, 9, asked)).topics[0]!.partitions;
      leader = partition!.leaderId;
      return leader >= 0 && leader !== before && partition!.isrNodes.length >= inSync;
    });
    return leader;
  }

  test("after compaction, truncation and recovery", async () => {
    for (const topic of TOPICS)
      for (const compression of CODECS)
        for (let round = 0; round < ROUNDS; round++)
          await produce(1, topic, batchOf(topic, `${compression} ${round}`, { compression }));
    const plainBytes = bytesOf(1, "plain").length;
    await until("every replica is compacted", () =>
      BROKERS.every((id) => bytesOf(id, "latest").length < plainBytes / 2),
    );

    // Truncation: what the leader alone has is cut off when it comes back and another one leads. First comes as much as it may send
    // ahead to followers that stand still: what is in their sockets they will still take.
    for (const id of [2, 3]) cluster.brokers.get(id)!.signal("SIGSTOP");
    const large = { producer: nobody, valueBytes: 11_000 };
    for (let bytes = 0; bytes < SENT_AHEAD_BYTES_MAX;) {
      const batch = batchOf("plain", "ahead", large);
      await produce(1, "plain", batch, LEADER);
      bytes += batch.length;
    }
    for (const topic of TOPICS) await produce(1, topic, batchOf(topic, "divergent", { producer: nobody }), LEADER);
    await cluster.brokers.get(1)!.kill();
    for (const id of [2, 3]) cluster.brokers.get(id)!.signal("SIGCONT");
    for (const topic of TOPICS) {
      expect(bytesOf(1, topic).includes("divergent")).toBe(true);
      const leader = await leaderOf(topic, 1, { before: 1 });
      await produce(leader, topic, batchOf(topic, "after"));
    }
    await cluster.brokers.get(1)!.start();
    for (const topic of TOPICS) {
      await leaderOf(topic, 3);
      for (const id of BROKERS) expect(bytesOf(id, topic).includes("divergent")).toBe(false);
    }

    // Recovery: everybody is killed while batches come in.
    const leaders = await Promise.all(TOPICS.map((topic) => leaderOf(topic, 3)));
    let written = 0;
    const writing = TOPICS.map(async (topic, at) => {
      for (; ; written++) {
        const compression = CODECS[written % CODECS.length]!;
        await produce(leaders[at]!, topic, batchOf(topic, "late", { compression, producer: nobody }), LEADER);
      }
    });
    const refused = Promise.allSettled(writing);
    await until("batches come in", () => written > 20);
    await Promise.all(BROKERS.map((id) => cluster.brokers.get(id)!.kill()));
    await refused;
    await Promise.all(BROKERS.map((id) => cluster.brokers.get(id)!.start()));
    for (const topic of TOPICS)
      await produce(await leaderOf(topic, 3), topic, batchOf(topic, "last", { producer: nobody }));
    await cluster.stop();
    expect(bytesOf(2, "plain").equals(bytesOf(1, "plain"))).toBe(true);

    const files = BROKERS.flatMap((id) => TOPICS.map((topic) => partitionDirectory(id, topic))).flatMap((at) =>
      readdirSync(at).map((name) => join(at, name)),
    );
    const of = (...kinds: string[]): string[] => files.filter((name) => kinds.some((kind) => name.endsWith(kind)));
    const counted = [".log", ".index", ".timeindex", ".snapshot"].map((kind) => `${of(kind).length} ${kind}`);
    const dump = await foreignDump(command!, of(".log", ".index", ".timeindex", ".snapshot"), ["--deep-iteration"]);
    console.log(`${counted.join(", ")}; ${dump.batches} batches; ${dump.complaints.length} complaints`);
    expect(dump.complaints).toEqual([]);
    expect(dump.batches).toBeGreaterThan(3 * CODECS.length * ROUNDS);
    for (const option of ["--index-sanity-check", "--verify-index-only"])
      expect((await foreignDump(command!, of(".index", ".timeindex"), [option])).complaints).toEqual([]);
  });
});

/** Not an idempotent producer: what it sends may be lost without leaving a gap in a sequence. */
const nobody = { id: -1, epoch: -1, baseSequence: -1 };
