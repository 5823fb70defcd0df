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
import { ApiVersionsApi } from "@odradek/protocol/messages/api-versions";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import type { Address } from "../bench/wire.ts";

/** What may come back besides an answer: the connection is closed, or nothing comes. */
export type NoAnswer = "closed" | "silence";
export type Versions = ReadonlyMap<number, readonly [first: number, last: number]>;

/** Longer than any wait that a case asks for. */
const ANSWER_MS_MAX = 15_000;
const CLIENT_ID = "differences";

/** A cluster that is asked, over connections like any client's: one for each request. */
export class System {
  readonly brokers: ReadonlyMap<number, Address>;
  readonly versions: Versions;

  private constructor(brokers: ReadonlyMap<number, Address>, versions: Versions) {
    this.brokers = brokers;
    this.versions = versions;
  }

  static async open(bootstrap: Address): Promise<System> {
    const served = await answerTo(bootstrap, ApiVersionsApi, 0, {});
    const seen = await answerTo(bootstrap, MetadataApi, 9, { topics: [], allowAutoTopicCreation: false });
    if (typeof served === "string" || typeof seen === "string")
      throw new Error(`${bootstrap.host}:${bootstrap.port} does not answer`);
    const brokers = seen.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }] as const);
    return new System(
      new Map(brokers.sort(([one], [other]) => one - other)),
      new Map(served.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]])),
    );
  }

  ask<A extends AnyApi>(
    broker: number,
    api: A,
    version: number,
    request: RequestDraft<A>,
    waitMs = ANSWER_MS_MAX,
  ): Promise<ResponseOf<A> | NoAnswer> {
    return answerTo(this.#address(broker), api, version, request, waitMs);
  }

  /** The body that answers a request which is no legal one. */
  send(broker: number, body: Buffer, waitMs = ANSWER_MS_MAX): Promise<Buffer | NoAnswer> {
    return exchange(this.#address(broker), Buffer.concat(frame([body])), waitMs);
  }

  #address(broker: number): Address {
    const address = this.brokers.get(broker);
    if (address === undefined) throw new Error(`there is no broker ${broker}`);
    return address;
  }
}

async function answerTo<A extends AnyApi>(
  address: Address,
  api: A,
  version: number,
  request: RequestDraft<A>,
  waitMs = ANSWER_MS_MAX,
): Promise<ResponseOf<A> | NoAnswer> {
  const writer = new Writer();
  writeRequestHeader(writer, { apiKey: api.key, apiVersion: version, correlationId: 1, clientId: CLIENT_ID });
  api.writeRequest(writer, version, request);
  const body = await exchange(address, Buffer.concat(frame(writer.finish())), waitMs);
  if (typeof body === "string") return body;
  const reader = new Reader(body);
  readResponseHeader(reader, api.key, version);
  const answer = api.readResponse(reader, version) as ResponseOf<A>;
  if (reader.remaining > 0) throw new Error(`${api.name} v${version}: ${reader.remaining} bytes behind the answer`);
  return answer;
}

function exchange(address: Address, bytes: Buffer, waitMs: number): Promise<Buffer | NoAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(address, () => socket.write(bytes));
    const timer = setTimeout(() => over("silence"), waitMs);
    const over = (answer: Buffer | NoAnswer): void => {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    };
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code === "ECONNRESET" || error.code === "EPIPE") over("closed");
      else reject(error);
    });
    socket.once("close", () => over("closed"));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      const received = Buffer.concat(chunks);
      const body = nextFrame(received, 0, received.length);
      if (body !== null) over(Buffer.from(body));
    });
  });
}
