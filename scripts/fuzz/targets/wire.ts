import { readFileSync } from "node:fs";
import {
  type AnyApi,
  apis,
  Framer,
  nextFrame,
  FRAME_PREFIX_BYTES,
  frame,
  ProtocolError,
  Reader,
  readRequestHeader,
  readResponseHeader,
  Writer,
} from "@odradek/protocol";
import { Receiver } from "../../../packages/broker/src/server/receiver.ts";
import { Slabs } from "../../../packages/broker/src/server/slabs.ts";
import { expect, type Target } from "../target.ts";

type Recorded = { readonly key: number; readonly version: number; readonly request: string; readonly response: string };

/** Frames of eight clients and Apache Kafka. */
const recorded = readFileSync(new URL("../../../packages/protocol/src/testdata/frames.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded)
  .filter(({ key, version }) => apis.get(key)?.supports(version));

const isProtocolError = (error: unknown): boolean => error instanceof ProtocolError;
const list = [...apis.values()];

/** Every API in every version that we speak. */
const pairs = list.flatMap((api) => {
  const [first, last] = api.versions;
  return Array.from({ length: last - first + 1 }, (_, index) => ({ api, version: first + index }));
});

/** The two int16 that every input of these targets begins with name an API and a version that exist. */
function nameOne(bytes: Buffer): void {
  if (bytes.length < 4 || namesOne(bytes)) return;
  const { api, version } = pairs[bytes.readUInt16BE(0) % pairs.length]!;
  bytes.writeInt16BE(api.key, 0);
  bytes.writeInt16BE(version, 2);
}

const namesOne = (bytes: Buffer): boolean =>
  bytes.length >= 4 && apis.get(bytes.readInt16BE(0))?.supports(bytes.readInt16BE(2)) === true;

const kindOf = (bytes: Buffer): number => (namesOne(bytes) ? 32 * bytes.readInt16BE(0) + bytes.readInt16BE(2) : -1);

const heading = (key: number, version: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt16BE(key, 0);
  bytes.writeInt16BE(version, 2);
  return bytes;
};

/** What was read can be written, and reading that gives the same again. */
function checkReadsBack(side: "Request" | "Response", api: AnyApi, version: number, value: unknown): void {
  const w = new Writer();
  api[`write${side}`](w, version, value);
  const once = w.concat();
  api[`write${side}`](w, version, api[`read${side}`](new Reader(once), version));
  expect(w.concat().equals(once), `${api.name} v${version} reads something else than it wrote`);
}

/** A request's frame, as a connection reads it. */
export const requests: Target = {
  name: "requests",
  isExpected: isProtocolError,
  kindOf,
  repair: nameOne,
  seeds: () => [
    ...recorded.map(({ request }) => Buffer.from(request, "hex")),
    ...pairs.map(({ api, version }) => Buffer.concat([heading(api.key, version), Buffer.alloc(200)])),
  ],
  run(bytes) {
    const reader = new Reader(bytes);
    const { apiKey, apiVersion } = readRequestHeader(reader);
    const api = apis.get(apiKey);
    if (!api?.supports(apiVersion)) return 1;
    checkReadsBack("Request", api, apiVersion, api.readRequest(reader, apiVersion));
    return 2;
  },
};

/** A response's frame behind the two numbers that its reader knows: which request it answers. */
export const responses: Target = {
  name: "responses",
  isExpected: isProtocolError,
  kindOf,
  repair: nameOne,
  seeds: () => [
    ...recorded.map(({ key, version, response }) =>
      Buffer.concat([heading(key, version), Buffer.from(response, "hex")]),
    ),
    ...pairs.map(({ api, version }) => Buffer.concat([heading(api.key, version), Buffer.alloc(200)])),
  ],
  run(bytes) {
    const reader = new Reader(bytes);
    const apiKey = reader.int16();
    const apiVersion = reader.int16();
    const api = apis.get(apiKey);
    if (!api?.supports(apiVersion)) return 1;
    readResponseHeader(reader, apiKey, apiVersion);
    checkReadsBack("Response", api, apiVersion, api.readResponse(reader, apiVersion));
    return 2;
  },
};

const STREAM_FRAME_BYTES_MAX = 1 << 20;

/** A stream of frames, cut into pieces by its own first bytes: the client's splitter, the broker's and the plain one must agree. */
export const frames: Target = {
  name: "frames",
  isExpected: isProtocolError,
  seeds: () => [
    Buffer.concat([Buffer.from([3, 9, 1, 50]), ...frame([Buffer.from("one")]), ...frame([Buffer.alloc(300, 7)])]),
    Buffer.concat([Buffer.from([255, 1, 1, 1]), ...frame([Buffer.alloc(3000)]), ...frame([Buffer.alloc(1)])]),
  ],
  allowedBytes: (bytes) => 128 * 1024 + 64 * bytes,
  run(bytes) {
    const sizes = bytes.subarray(0, 4);
    const stream = bytes.subarray(sizes.length);
    const plain = splitPlainly(stream);
    const framer = new Framer(STREAM_FRAME_BYTES_MAX);
    const receiver = new Receiver(new Slabs(), STREAM_FRAME_BYTES_MAX);
    const [byClient, byBroker]: [Buffer[], Buffer[]] = [[], []];
    let failures = 0;
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const piece = stream.subarray(at, at + 1 + sizes[turn % sizes.length]!);
      at += piece.length;
      try {
        byClient.push(...framer.push(piece));
      } catch (error) {
        if (!isProtocolError(error)) throw error;
        failures |= 1;
      }
      try {
        receive(receiver, piece, byBroker);
      } catch (error) {
        if (!isProtocolError(error)) throw error;
        failures |= 2;
      }
      if (failures !== 0) break;
    }
    expect(failures === (plain.isLegal ? 0 : 3), `the splitters fail differently: ${failures}`);
    if (plain.isLegal) {
      expect(sameFrames(byClient, plain.bodies), "the client's splitter gives other frames");
      expect(framer.pendingBytes === plain.pendingBytes, "the client's splitter holds other bytes");
    }
    expect(sameFrames(byBroker, plain.bodies.slice(0, byBroker.length)), "the broker's splitter gives other frames");
    return plain.bodies.length;
  },
};

function receive(receiver: Receiver, piece: Buffer, into: Buffer[]): void {
  for (let at = 0; at < piece.length;) {
    const copied = piece.copy(receiver.room(), 0, at);
    at += copied;
    receiver.filled(copied);
    for (let next = receiver.next(); next !== null; next = receiver.next()) {
      into.push(Buffer.from(next.buffer.subarray(next.start, next.end)));
      next.release();
    }
  }
}

function splitPlainly(stream: Buffer): { bodies: Buffer[]; pendingBytes: number; isLegal: boolean } {
  const bodies: Buffer[] = [];
  let at = 0;
  try {
    for (;;) {
      const body = nextFrame(stream, at, stream.length, STREAM_FRAME_BYTES_MAX);
      if (body === null) return { bodies, pendingBytes: stream.length - at, isLegal: true };
      bodies.push(body);
      at += FRAME_PREFIX_BYTES + body.length;
    }
  } catch (error) {
    if (!isProtocolError(error)) throw error;
    return { bodies, pendingBytes: stream.length - at, isLegal: false };
  }
}

const sameFrames = (some: readonly Buffer[], others: readonly Buffer[]): boolean =>
  some.length === others.length && some.every((body, index) => body.equals(others[index]!));
