import { delay, silentLogger } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { VirtualClock } from "@odradek/kit/testing";
import { Framer, Reader, readResponseHeader, Writer, writeRequestHeader } from "@odradek/protocol";
import { ApiVersionsApi } from "@odradek/protocol/messages/api-versions";
import { HeartbeatApi } from "@odradek/protocol/messages/heartbeat";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CloseConnection, handler, type Handler, type Parts, type RequestScope } from "../api/handler.ts";
import { MemoryConnection } from "../testing/memory-connection.ts";
import { KafkaConnection } from "./connection.ts";
import { serverLimits } from "./limits.ts";
import { Slabs } from "./slabs.ts";

type Work = (scope: RequestScope) => Promise<void>;

/** A server of two APIs: Produce is pipelined, Heartbeat is not. Both do `work` and answer. */
class Bench {
  readonly clock = new VirtualClock();
  readonly client = new MemoryConnection();
  readonly started: number[] = [];
  runningMost = 0;
  #running = 0;

  constructor(work: Work) {
    const run = async (scope: RequestScope): Promise<void> => {
      this.started.push(scope.correlationId);
      this.runningMost = Math.max(this.runningMost, ++this.#running);
      try {
        await work(scope);
      } finally {
        this.#running--;
      }
    };
    const handlers: Handler[] = [
      handler(
        ProduceApi,
        async (_parts, request, scope) => {
          await run(scope);
          return request.acks === 0 ? null : { responses: [] };
        },
        { pipelined: true },
      ),
      handler(
        HeartbeatApi,
        async (_parts, _request, scope) => {
          await run(scope);
          return { errorCode: 0 };
        },
        { failed: (_request, errorCode) => ({ errorCode }) },
      ),
      handler(ApiVersionsApi, async () => ({ errorCode: 0, apiKeys: [] })),
    ];
    const connection = new KafkaConnection(this.client, {
      listener: "host",
      parts: {} as Parts,
      handlerFor: (key, version) => handlers.find(({ api }) => api.key === key && api.supports(version)),
      slabs: new Slabs(),
      clock: this.clock,
      logger: silentLogger,
      frameBytesMax: 4_000_000,
      requestsInFlightMax: 500,
      onClosed: () => {},
    });
    this.client.attach(connection);
  }

  /** Correlation ids of the responses so far; Heartbeat's error codes are checked by their reader. */
  get answered(): number[] {
    return this.responses.map((body) => body.readInt32BE(0));
  }

  get responses(): Buffer[] {
    return new Framer().push(Buffer.concat(this.client.sent));
  }
}

function request(apiKey: number, correlationId: number, body: Buffer, apiVersion = 0): Buffer {
  const w = new Writer();
  writeRequestHeader(w, { apiKey, apiVersion, correlationId, clientId: "test" });
  const parts = Buffer.concat([w.concat(), body]);
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(parts.length);
  return Buffer.concat([prefix, parts]);
}

function produce(correlationId: number, acks = 1): Buffer {
  const w = new Writer();
  ProduceApi.writeRequest(w, 3, { acks, timeoutMs: 1000, topicData: [] });
  return request(ProduceApi.key, correlationId, w.concat(), 3);
}

function heartbeat(correlationId: number): Buffer {
  const w = new Writer();
  HeartbeatApi.writeRequest(w, 0, { groupId: "g", generationId: 1, memberId: "m" });
  return request(HeartbeatApi.key, correlationId, w.concat());
}

describe("KafkaConnection", () => {
  it("K-08: answers in the order of the requests, whatever their handlers take and however they arrive", async () => {
    const requests = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(requests, fc.nat(), fc.integer({ min: 1, max: 200 }), async (kinds, seed, piece) => {
        const random = new SeededRandom(seed);
        const bench: Bench = new Bench(() => delay(bench.clock, random.next() * 20));
        const sent = kinds.map((isProduce, id) => (isProduce ? produce(id) : heartbeat(id)));
        bench.client.receive(Buffer.concat(sent), piece);
        await bench.clock.advance(kinds.length * 25);
        const ids = kinds.map((_, id) => id);
        expect(bench.answered).toEqual(ids);
        expect(bench.started).toEqual(ids);
      }),
      { numRuns: 50 },
    );
  });

  it("runs produce requests side by side and everything else alone", async () => {
    const bench: Bench = new Bench(() => delay(bench.clock, 10));
    bench.client.receive(Buffer.concat([produce(0), produce(1), produce(2)]));
    await bench.clock.advance(10);
    expect(bench.runningMost).toBe(3);
    bench.runningMost = 0;
    bench.client.receive(Buffer.concat([heartbeat(3), heartbeat(4), produce(5)]));
    await bench.clock.advance(50);
    expect(bench.runningMost).toBe(1);
    expect(bench.answered).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("sends the answers of one tick in one write", async () => {
    const bench: Bench = new Bench(() => delay(bench.clock, 10));
    bench.client.receive(Buffer.concat(Array.from({ length: 50 }, (_, id) => produce(id))));
    await bench.clock.advance(20);
    expect(bench.answered).toHaveLength(50);
    expect(bench.client.writes).toBeLessThanOrEqual(2);
  });

  it("N-09: stops reading while what has arrived can't be handled", async () => {
    const bench: Bench = new Bench(() => delay(bench.clock, 10));
    const many = Buffer.concat(Array.from({ length: 5000 }, (_, id) => heartbeat(id)));
    bench.client.receive(many, 1000);
    expect(bench.client.isPaused).toBe(true);
    expect(bench.client.unreadBytes).toBeGreaterThan(many.length - 10_000);
    await bench.clock.advance(5000 * 10);
    expect(bench.answered).toHaveLength(5000);
  });

  it("N-07: handles nothing more for a client that does not read its answers", async () => {
    const bench = new Bench(async () => {});
    bench.client.holdsBack = true;
    bench.client.receive(heartbeat(0));
    await bench.clock.advance(1);
    bench.client.receive(heartbeat(1));
    await bench.clock.advance(1);
    expect(bench.started).toEqual([0]);
    bench.client.drain();
    await bench.clock.advance(1);
    expect(bench.answered).toEqual([0, 1]);
  });

  it("answers an ApiVersions of an unknown version in v0 form with error 35", async () => {
    const bench = new Bench(async () => {});
    bench.client.receive(request(ApiVersionsApi.key, 7, Buffer.from([0, 1, 2, 3]), 99));
    await bench.clock.advance(1);
    expect(bench.responses[0]!.toString("hex")).toBe("00000007" + "0023" + "00000001" + "0012" + "0000" + "0004");
  });

  it("answers nothing to acks=0 and goes on", async () => {
    const bench = new Bench(async () => {});
    bench.client.receive(Buffer.concat([produce(0, 0), produce(1, 0), produce(2, 1)]));
    await bench.clock.advance(1);
    expect(bench.answered).toEqual([2]);
  });

  it("N-21: a handler that throws costs its request only", async () => {
    const bench = new Bench(async ({ correlationId }) => {
      if (correlationId === 1) throw new Error("planted");
    });
    bench.client.receive(Buffer.concat([heartbeat(0), heartbeat(1), heartbeat(2)]));
    await bench.clock.advance(1);
    const codes = bench.responses.map((bytes) => {
      const reader = new Reader(bytes);
      readResponseHeader(reader, HeartbeatApi.key, 0);
      return HeartbeatApi.readResponse(reader, 0).errorCode;
    });
    expect(codes).toEqual([0, -1, 0]);
    expect(bench.client.isDestroyed).toBe(false);
  });

  it("closes where a handler says so", async () => {
    const bench = new Bench(async () => {
      throw new CloseConnection("acks=0 and the append failed");
    });
    bench.client.receive(produce(0, 0));
    await bench.clock.advance(1);
    expect(bench.client.isDestroyed).toBe(true);
  });

  it("runs afterSent when the answer has left, and when it never will", async () => {
    const left: number[] = [];
    const bench: Bench = new Bench(async (scope) => {
      scope.afterSent(() => left.push(scope.correlationId));
      if (scope.correlationId === 1) await delay(bench.clock, 10);
    });
    bench.client.holdsBack = true;
    bench.client.receive(Buffer.concat([produce(0)]));
    await bench.clock.advance(1);
    expect(left).toEqual([]);
    bench.client.drain();
    expect(left).toEqual([0]);
    bench.client.receive(produce(1));
    bench.client.destroy();
    await bench.clock.advance(20);
    expect(left).toEqual([0, 1]);
  });

  const declared = (size: number): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(size);
    return prefix;
  };
  it.each([
    ["an unknown API", request(52, 0, Buffer.alloc(8))],
    ["a version we do not serve", request(HeartbeatApi.key, 0, Buffer.alloc(8), 77)],
    ["a negative version", request(HeartbeatApi.key, 0, Buffer.alloc(8), -1)],
    ["a body shorter than declared", request(HeartbeatApi.key, 0, Buffer.from([0, 9, 65]))],
    ["frame length 0", declared(0)],
    ["a negative frame length", declared(-5)],
    ["a frame above the limit", declared(2 ** 31 - 1)],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    ["a TLS hello", Buffer.from("16030100c8010000c40303", "hex")],
  ])("closes on %s without an answer", async (_name, bytes) => {
    const bench = new Bench(async () => {});
    bench.client.receive(bytes);
    await bench.clock.advance(1);
    expect(bench.client.isDestroyed).toBe(true);
    expect(bench.client.sent).toEqual([]);
  });

  it("N-03: closes on a request of more list elements than memory should be made for", async () => {
    const listing = (topics: number): Buffer => {
      const w = new Writer();
      ProduceApi.writeRequest(w, 9, {
        acks: 1,
        timeoutMs: 1000,
        topicData: Array.from({ length: topics }, () => ({ name: "", partitionData: [] })),
      });
      return request(ProduceApi.key, 1, w.concat(), 9);
    };
    for (const [topics, isTaken] of [
      [serverLimits.requestElementsMax, true],
      [serverLimits.requestElementsMax + 1, false],
    ] as const) {
      const bench: Bench = new Bench(() => delay(bench.clock, 1000));
      bench.client.receive(listing(topics));
      await bench.clock.advance(1);
      expect(bench.started.length).toBe(isTaken ? 1 : 0);
      expect(bench.client.isDestroyed).toBe(!isTaken);
      // What it became counts towards what is under way: nothing more is taken before it is answered.
      if (!isTaken) continue;
      bench.client.receive(produce(2));
      await bench.clock.advance(1);
      expect(bench.started.length).toBe(1);
    }
  });

  it("N-03: random bytes never throw out of the connection", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.integer({ min: 0, max: 20 }),
        async (bytes, key) => {
          const bench = new Bench(async () => {});
          bench.client.receive(request(key, 1, Buffer.from(bytes), bytes[0]! % 12));
          await bench.clock.advance(1);
          expect(bench.started.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 200 },
    );
  });
});
