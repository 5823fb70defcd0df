import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Kafka, logLevel, type Producer } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

const TOPIC = "many";
const PARTITIONS = 500;
const CONNECTIONS = 300;
/** What each broker may have open at once: half a descriptor for a partition. */
const DESCRIPTORS_MAX = 256;

/** ApiVersions v0, correlation id 7, client id "test". */
const apiVersions = Buffer.from("0000000e" + "0012" + "0000" + "00000007" + "0004" + "74657374", "hex");

/** True when it is answered, false when it is closed: one or the other comes. */
function isServed(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once("data", () => resolve(true));
    socket.once("close", () => resolve(false));
    socket.write(apiVersions);
  });
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {}); // a reset is one way to be turned away
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

describe.runIf(process.platform === "linux")("L-25: a broker that may have few files open", () => {
  let cluster: ProcessCluster;
  let producer: Producer;
  let kafka: Kafka;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 1, descriptorsMax: DESCRIPTORS_MAX });
    const retry = { initialRetryTime: 50, retries: 40, maxRetryTime: 500 };
    kafka = new Kafka({ brokers: cluster.bootstrap, logLevel: logLevel.NOTHING, retry });
    producer = kafka.producer();
    await producer.connect();
  }, 60_000);
  afterAll(async () => {
    await producer?.disconnect();
    await cluster?.close();
  });

  const sendToEach = async (value: string): Promise<void> => {
    const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({ value, partition }));
    await producer.send({ topic: TOPIC, acks: -1, messages });
  };
  const descriptors = (): number => readdirSync(`/proc/${cluster.broker(1).child.pid}/fd`).length;
  const lines = (evt: string): unknown[] => cluster.broker(1).lines.filter((line) => line.evt === evt);

  it("has more partitions than descriptors, serves as many connections as it can, and loses nothing", async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }] });
    await sendToEach("before");

    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => opened(cluster.brokerPort(1))));
    const served = (await Promise.all(sockets.map(isServed))).filter(Boolean);
    expect(served.length).toBeGreaterThan(DESCRIPTORS_MAX / 8);
    expect(served.length).toBeLessThan(DESCRIPTORS_MAX / 2);
    await cluster.broker(1).event("connections-refused");
    await sendToEach("during");
    expect(descriptors()).toBeLessThanOrEqual(DESCRIPTORS_MAX);
    for (const socket of sockets) socket.destroy();

    await cluster.broker(1).kill("SIGKILL");
    await cluster.startBroker(1);
    await sendToEach("after");
    const offsets = await admin.fetchTopicOffsets(TOPIC);
    // Where some partitions do not serve yet, a producer without idempotence sends to all of them again.
    expect(offsets).toHaveLength(PARTITIONS);
    expect(offsets.filter(({ offset }) => Number(offset) < 3)).toEqual([]);
    expect([...lines("directory-failed"), ...lines("log-failed")]).toEqual([]);
    await admin.disconnect();
  }, 120_000);
});
