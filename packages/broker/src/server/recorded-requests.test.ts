import { readFileSync } from "node:fs";
import { silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { ApiKey, apiName, apis, Framer, isFlexible, Reader, readResponseHeader } from "@odradek/protocol";
import { describe, expect, it } from "vitest";
import type { Parts } from "../api/handler.ts";
import { handlerFor, handlers } from "../api/handlers.ts";
import { LoneBroker } from "../testing/lone-broker.ts";
import { MemoryConnection } from "../testing/memory-connection.ts";
import { passUntil } from "../testing/test-cluster.ts";
import { KafkaConnection } from "./connection.ts";
import { Slabs } from "./slabs.ts";

// Requests that eight real clients sent to a Kafka 4.3.1, without the 4-byte prefix.
type Recorded = { readonly key: number; readonly version: number; readonly request: string };
const frames = new URL("../../../protocol/src/testdata/frames.jsonl", import.meta.url);
const recorded = readFileSync(frames, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded)
  .filter(({ key, version }) => handlerFor(key, version) !== undefined);

function connect(parts: Parts, clock: VirtualClock): MemoryConnection {
  const client = new MemoryConnection();
  const options = { listener: "PLAINTEXT", parts, handlerFor, slabs: new Slabs(), clock, logger: silentLogger };
  const bounds = { frameBytesMax: 1_000_000, requestsInFlightMax: 10 };
  client.attach(new KafkaConnection(client, { ...options, ...bounds, onClosed: () => {} }));
  return client;
}

function framed({ request }: Recorded): Buffer {
  const body = Buffer.from(request, "hex");
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(body.length);
  return Buffer.concat([prefix, body]);
}

const isSilent = ({ key, version, request }: Recorded): boolean => {
  if (key !== ApiKey.Produce) return false;
  const reader = new Reader(Buffer.from(request, "hex"));
  reader.skip(8);
  reader.skip(Math.max(0, reader.int16()));
  if (isFlexible(key, version)) reader.uvarint();
  return (apis.get(key)!.readRequest(reader, version) as { acks: number }).acks === 0;
};

describe("requests recorded from real clients", () => {
  it("are of every API we serve", () => {
    const seen = new Set(recorded.map(({ key }) => key));
    expect(handlers.map(({ api }) => api.key).filter((key) => !seen.has(key))).toEqual([]);
  });

  it("are answered in their own version by a broker that has none of their topics", async () => {
    const broker = await LoneBroker.start();
    for (const one of recorded.filter((frame) => !isSilent(frame))) {
      const client = connect(broker.parts, broker.clock);
      client.receive(framed(one));
      await passUntil(broker.clock, () => client.sent.length > 0 || client.isDestroyed);
      const name = `${apiName(one.key)} v${one.version}`;
      expect(client.isDestroyed, `${name} is not refused`).toBe(false);
      const [response] = new Framer().push(Buffer.concat(client.sent));
      const reader = new Reader(response!);
      const { correlationId } = readResponseHeader(reader, one.key, one.version);
      expect(correlationId).toBe(Buffer.from(one.request, "hex").readInt32BE(4));
      apis.get(one.key)!.readResponse(reader, one.version);
      expect(reader.remaining, `${name} is answered to the last byte`).toBe(0);
      client.destroy();
    }
  });

  it("N-21: cost at most their own connection when every handler throws", async () => {
    const clock = new VirtualClock();
    // Whatever a handler touches is missing.
    const broken = {} as Parts;
    for (const one of recorded) {
      const client = connect(broken, clock);
      client.receive(framed(one));
      await clock.advance(1);
      const isSettled = client.isDestroyed || client.sent.length > 0 || isSilent(one);
      expect(isSettled, `${apiName(one.key)} v${one.version} is answered or closed`).toBe(true);
      if (client.sent.length === 0) continue;
      const [response] = new Framer().push(Buffer.concat(client.sent));
      expect(response!.readInt32BE(0)).toBe(Buffer.from(one.request, "hex").readInt32BE(4));
    }
  });
});
