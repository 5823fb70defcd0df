import { connect } from "node:net";
import {
  type AnyApi,
  frame,
  nextFrame,
  Reader,
  readResponseHeader,
  type RequestDraft,
  type ResponseOf,
  Writer,
  writeRequestHeader,
} from "@odradek/protocol";
import { CreateTopicsApi } from "@odradek/protocol/messages/create-topics";
import { DeleteTopicsApi } from "@odradek/protocol/messages/delete-topics";
import { ListOffsetsApi } from "@odradek/protocol/messages/list-offsets";
import { MetadataApi } from "@odradek/protocol/messages/metadata";

export type Address = { host: string; port: number };

/** A request as one buffer with its length prefix. */
export function requestBytes<A extends AnyApi>(api: A, version: number, request: RequestDraft<A>): Buffer {
  const writer = new Writer();
  writeRequestHeader(writer, { apiKey: api.key, apiVersion: version, correlationId: 1, clientId: "bench" });
  api.writeRequest(writer, version, request);
  return Buffer.concat(frame(writer.finish()));
}

export function readResponse<A extends AnyApi>(api: A, version: number, bytes: Buffer): ResponseOf<A> {
  const reader = new Reader(bytes);
  readResponseHeader(reader, api.key, version);
  return api.readResponse(reader, version) as ResponseOf<A>;
}

/** One request on a connection of its own; what fails is told with the request and whom it was for. */
export function ask<A extends AnyApi>(
  address: Address,
  api: A,
  version: number,
  request: RequestDraft<A>,
  { timeoutMs } = { timeoutMs: 30_000 },
): Promise<ResponseOf<A>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const failed = (why: string, cause?: Error): void =>
      reject(new Error(`${api.name} to ${address.host}:${address.port}: ${why}`, { cause }));
    const socket = connect(address, () => socket.write(requestBytes(api, version, request)));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    socket.once("error", (cause) => failed(cause.message, cause));
    socket.once("close", () => failed("the connection was closed"));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const body = nextFrame(bytes, 0, bytes.length);
      if (body === null) return;
      resolve(readResponse(api, version, body));
      socket.destroy();
    });
  });
}

/** Makes a topic whose partitions are all led by the first of `replicas`, and waits until that broker says so; returns its address. */
export async function makeTopic(
  bootstrap: Address,
  topic: { name: string; partitions: number; replicas: number[]; settings: Record<string, string> },
): Promise<Address> {
  const assignments = Array.from({ length: topic.partitions }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: topic.replicas,
  }));
  const configs = Object.entries(topic.settings).map(([name, value]) => ({ name, value }));
  const created = await ask(bootstrap, CreateTopicsApi, 5, {
    topics: [{ name: topic.name, numPartitions: -1, replicationFactor: -1, assignments, configs }],
    timeoutMs: 30_000,
    validateOnly: false,
  });
  const error = created.topics[0]!.errorCode;
  if (error !== 0) throw new Error(`creating ${topic.name} on ${bootstrap.host}:${bootstrap.port}: error ${error}`);
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    const metadata = await ask(bootstrap, MetadataApi, 9, {
      topics: [{ name: topic.name }],
      allowAutoTopicCreation: false,
    });
    const partitions = metadata.topics[0]!.partitions;
    const ready = partitions.filter(
      (one) => one.leaderId === topic.replicas[0] && one.isrNodes.length === topic.replicas.length,
    );
    const leader = metadata.brokers.find((broker) => broker.nodeId === topic.replicas[0]);
    if (ready.length === topic.partitions && leader) return { host: leader.host, port: leader.port };
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`${topic.name} has no leader with a full ISR after 30 s`);
}

export async function dropTopic(bootstrap: Address, name: string): Promise<void> {
  await ask(bootstrap, DeleteTopicsApi, 4, { topicNames: [name], timeoutMs: 30_000 });
}

/** The offset behind the last record that can be read from partition 0. */
export async function endOf(leader: Address, topic: string): Promise<number> {
  const latest = { partitionIndex: 0, timestamp: -1 };
  const request = { replicaId: -1, topics: [{ name: topic, partitions: [latest] }] };
  const { topics } = await ask(leader, ListOffsetsApi, 5, request);
  return topics[0]!.partitions[0]!.offset;
}

/** The ids of the live brokers. */
export async function brokerIds(bootstrap: Address): Promise<number[]> {
  const metadata = await ask(bootstrap, MetadataApi, 9, { topics: [], allowAutoTopicCreation: false });
  return metadata.brokers.map((broker) => broker.nodeId).sort((a, b) => a - b);
}
