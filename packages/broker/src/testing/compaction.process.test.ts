import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";
import { eventually, SeededRandom } from "@odradek/kit/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster, runProgram } from "./processes.ts";

const isInstalled = spawnSync("kcat", ["-V"]).error === undefined;
const TOPIC = "latest";
const JS_TOPIC = "latest-js";
const KEYS = 60;
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];

const ROUNDS = 100;
const random = new SeededRandom(1);
/** Names its round, and can hardly be compressed. */
const valueOf = (round: number): string => `${round}=${random.bytes(400).toString("base64")}`;

/** Rounds over all keys. Key 7 is deleted at the end of each. */
const rounds = (from: number, to: number): string => {
  const lines: string[] = [];
  for (let round = from; round < to; round++) {
    for (let key = 0; key < KEYS; key++) lines.push(`key-${key}:${valueOf(round)}\n`);
    lines.push("key-7:\n");
  }
  return lines.join("");
};

describe.runIf(isInstalled)("a compacted topic on three brokers", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    const settings = [
      "log.cleaner.backoff.ms=100",
      "log.segment.bytes=1048576",
      "log.cleaner.min.cleanable.ratio=0.01",
    ];
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 3, settings });
    const kafka = new Kafka({ brokers: cluster.bootstrap, logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [{ name: "cleanup.policy", value: "compact" }];
    const topics = [TOPIC, JS_TOPIC].map((topic) => ({ topic, numPartitions: 1, replicationFactor: 3, configEntries }));
    await admin.createTopics({ topics });
    await admin.disconnect();
  }, 60_000);
  afterAll(() => cluster?.close());

  const bytesOf = (id: number, topic: string): number => {
    const directory = join(cluster.dataDirectory(id), `${topic}-0`);
    const names = readdirSync(directory).filter((name) => name.endsWith(".log"));
    return names.reduce(
      (sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  };
  const read = async (): Promise<{ count: number; newest: Map<string, string> }> => {
    const command = ["kcat", "-b", cluster.bootstrap.join(","), "-C", "-t", TOPIC, "-o", "beginning", "-e", "-q"];
    const { stdout } = await runProgram([...command, "-f", "%k %S %s\\n"]);
    const newest = new Map<string, string>();
    const lines = stdout.split("\n").filter(Boolean);
    for (const line of lines) {
      const [key = "", size = "", value = ""] = line.split(" ");
      newest.set(key, size === "-1" ? "gone" : value.split("=")[0]!);
    }
    return { count: lines.length, newest };
  };
  const untilCompacted = async (topic: string, bytesMax: number): Promise<void> => {
    const sizes = (): number[] => [1, 2, 3].map((id) => bytesOf(id, topic));
    await eventually(
      () => `compacted, with ${sizes().join(" ")} bytes now`,
      () => sizes().every((bytes) => bytes < bytesMax),
      60_000,
    );
  };

  it("keeps the newest record of each key on leader and followers, and every reader sees the same, also after kill -9", async () => {
    for (const [index, codec] of codecs.entries()) {
      const input = rounds(index * ROUNDS, (index + 1) * ROUNDS);
      const command = ["kcat", "-b", cluster.bootstrap.join(","), "-P", "-t", TOPIC, "-K:", "-Z", "-z", codec];
      expect((await runProgram(command, { input })).code).toBe(0);
    }
    await untilCompacted(TOPIC, 2.2 * 1024 * 1024);
    const { count, newest } = await read();
    expect(newest.size).toBe(KEYS);
    expect(newest.get("key-7")).toBe("gone");
    newest.delete("key-7");
    expect(new Set(newest.values())).toEqual(new Set([String(codecs.length * ROUNDS - 1)]));
    expect(count).toBeLessThan(8000);
    for (const id of [1, 2, 3]) {
      const clean = readFileSync(join(cluster.dataDirectory(id), "cleaner-offset-checkpoint"), "utf8");
      expect(clean).toMatch(new RegExp(`^0\\n\\d+\\n(?:.*\\n)*${TOPIC} 0 [1-9]\\d*\\n`));
    }

    await Promise.all([1, 2, 3].map((id) => cluster.broker(id).kill("SIGKILL")));
    await Promise.all([1, 2, 3].map((id) => cluster.startBroker(id)));
    const again = await read();
    again.newest.delete("key-7");
    expect(again.newest).toEqual(newest);
  }, 120_000);

  it("kafkajs reads through the gaps, and is told when records have no key", async () => {
    const kafka = new Kafka({ brokers: cluster.bootstrap, logLevel: logLevel.NOTHING, retry: { retries: 10 } });
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    const offsets: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const messages = Array.from({ length: KEYS }, (_, key) => ({ key: `${key}`, value: valueOf(round) }));
      const compression = round % 2 === 0 ? CompressionTypes.GZIP : CompressionTypes.None;
      const [sent] = await producer.send({ topic: JS_TOPIC, messages, compression });
      offsets.push(sent!.baseOffset!);
    }
    expect(offsets).toEqual(Array.from({ length: ROUNDS }, (_, round) => `${round * KEYS}`));
    await untilCompacted(JS_TOPIC, 2.2 * 1024 * 1024);
    const consumer = kafka.consumer({ groupId: "readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: JS_TOPIC, fromBeginning: true });
    const newest = new Map<string, string>();
    let count = 0;
    await new Promise<void>((resolve, reject) => {
      const run = consumer.run({
        eachMessage: ({ message }) => {
          count++;
          newest.set(String(message.key), String(message.value).split("=")[0]!);
          if (message.offset === `${ROUNDS * KEYS - 1}`) resolve();
          return Promise.resolve();
        },
      });
      run.catch(reject);
    });
    await consumer.disconnect();
    expect(newest.size).toBe(KEYS);
    expect(new Set(newest.values())).toEqual(new Set([String(ROUNDS - 1)]));
    expect(count).toBeLessThan(ROUNDS * KEYS);
    const messages = [{ key: "a", value: "1" }, { value: "2" }];
    await expect(producer.send({ topic: JS_TOPIC, messages })).rejects.toThrow(/record/i);
    await producer.disconnect();
  }, 60_000);
});
