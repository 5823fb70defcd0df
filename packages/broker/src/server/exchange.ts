import { type Reader, type RequestHeader, type Writer, writeResponseHeader } from "@odradek/protocol";
import type { Handler } from "../api/handler.ts";
import { serverLimits } from "./limits.ts";
import type { Frame } from "./receiver.ts";

/** What a connection owes for one request. */
export type Answer =
  | { readonly is: "response"; readonly value: unknown }
  /** A response whose body is written by hand: ApiVersions of an unknown version. */
  | { readonly is: "body"; write(writer: Writer): void }
  | { readonly is: "silence" };

/** One request on its way through its handler, and the answer once it is there. */
export class Exchange {
  readonly header: RequestHeader;
  readonly handler: Handler;
  readonly request: unknown;
  /** What it holds: its frame, and what its lists became. */
  readonly bytes: number;
  answer: Answer | null = null;
  readonly #frame: Frame;
  readonly #afterSent: (() => void)[] = [];

  /** Decodes the request's body; `reader` stands behind the header. Throws ProtocolError on malformed bytes. */
  constructor(header: RequestHeader, handler: Handler, reader: Reader, frame: Frame) {
    this.header = header;
    this.handler = handler;
    // Bytes left over are ignored, as Kafka does: librdkafka sends a stray one after some requests.
    const elementsBefore = reader.elementsLeft;
    this.request = handler.api.readRequest(reader, header.apiVersion);
    const elements = elementsBefore - reader.elementsLeft;
    this.bytes = frame.end - frame.start + elements * serverLimits.elementBytes;
    this.#frame = frame;
  }

  /** The handler is done with the request's bytes. */
  settle(answer: Answer): void {
    this.answer = answer;
    this.#frame.release();
  }

  afterSent(release: () => void): void {
    this.#afterSent.push(release);
  }

  get holdsBuffers(): boolean {
    return this.#afterSent.length > 0;
  }

  /** The response has left, or never will. */
  sent(): void {
    for (const release of this.#afterSent.splice(0)) release();
  }

  /** Writes the whole response frame; nothing for silence. */
  write(writer: Writer): void {
    const { answer, header, handler } = this;
    if (answer === null || answer.is === "silence") return;
    const size = writer.int32Later();
    const before = writer.size;
    writeResponseHeader(writer, header.apiKey, header.apiVersion, header.correlationId);
    if (answer.is === "body") answer.write(writer);
    else handler.api.writeResponse(writer, header.apiVersion, answer.value);
    size(writer.size - before);
  }
}
