import { AssertionError, type Clock, type Connection, type Logger, type Sink } from "@odradek/kit";
import { ApiKey, apiName, ErrorCode, ProtocolError, Reader, readRequestHeader, Writer } from "@odradek/protocol";
import { writeUnsupportedApiVersions } from "@odradek/protocol/messages/api-versions-fallback";
import { CloseConnection, type Handler, type Parts, type RequestScope } from "../api/handler.ts";
import { type Answer, Exchange } from "./exchange.ts";
import { serverLimits } from "./limits.ts";
import { type Frame, Receiver } from "./receiver.ts";
import type { Slabs } from "./slabs.ts";

/** What all connections of a listener share. */
export type ConnectionOptions = {
  readonly listener: string;
  readonly parts: Parts;
  readonly handlerFor: (apiKey: number, apiVersion: number) => Handler | undefined;
  readonly slabs: Slabs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly frameBytesMax: number;
  readonly requestsInFlightMax: number;
  readonly onClosed: (connection: KafkaConnection) => void;
};

/** Where bytes go that nobody wants any more. */
const discarded = Buffer.alloc(1024);

/** Responses are encoded without an `await` in between, so all connections share one writer. */
const writer = new Writer();

/**
 * One client: frames in, responses out in the order of the requests (RELIABILITY K-08). Requests of one pipelined API (Produce) run
 * concurrently, everything else one at a time, as in Kafka. What can't be handled yet stays in the receiver, whose socket is
 * paused (N-09). Answers of a tick leave in one write.
 */
export class KafkaConnection implements Sink {
  readonly #connection: Connection;
  readonly #options: ConnectionOptions;
  readonly #receiver: Receiver;
  /** Requests under way or answered and not yet written, in order of arrival. */
  readonly #exchanges: Exchange[] = [];
  /** A request that must wait for those before it. Reading is paused when more arrives behind it. */
  #held: Exchange | null = null;
  #running = 0;
  #bytesInFlight = 0;
  #isBlocked = false;
  #isPaused = false;
  #isFlushDue = false;
  /** Nothing more is read or answered; the socket is about to be gone. */
  #isRefused = false;
  #isClosed = false;
  #activeAt: number;

  constructor(connection: Connection, options: ConnectionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#receiver = new Receiver(options.slabs, options.frameBytesMax);
    this.#activeAt = options.clock.now();
    connection.onDrain = () => this.#drained();
    connection.onClosed = () => this.#closed();
  }

  /** Time of the last byte in or out. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** No request under way, nothing left to send. */
  get isIdle(): boolean {
    return this.#exchanges.length === 0;
  }

  room(): Buffer {
    return this.#isClosed ? discarded : this.#receiver.room();
  }

  filled(bytes: number): void {
    if (this.#isClosed || this.#isRefused) return;
    this.#activeAt = this.#options.clock.now();
    this.#receiver.filled(bytes);
    this.#pull();
  }

  close(): void {
    this.#connection.destroy();
  }

  /** Closes after what has been answered has left. */
  end(): void {
    this.#connection.end();
  }

  /** Starts whatever has arrived and may start. */
  #pull(): void {
    try {
      while (!this.#isRefused && !this.#isClosed && !this.#isFull()) {
        if (this.#held === null) {
          const frame = this.#receiver.next();
          if (frame === null) break;
          this.#held = this.#decode(frame);
          if (this.#held === null) continue;
        }
        if (!this.#mayStart(this.#held)) break;
        const next = this.#held;
        this.#held = null;
        this.#start(next);
      }
    } catch (fault) {
      this.#refuse(fault);
    }
    this.#pauseOrResume();
  }

  /** The next request; null when it is answered already. Throws ProtocolError when all that is left is to close. */
  #decode(frame: Frame): Exchange | null {
    const reader = new Reader(frame.buffer, frame.start, frame.end);
    reader.elementsLeft = serverLimits.requestElementsMax;
    try {
      const header = readRequestHeader(reader);
      const { apiKey, apiVersion } = header;
      const handler = this.#options.handlerFor(apiKey, apiVersion);
      if (handler !== undefined) return new Exchange(header, handler, reader, frame);
      const fallback = apiKey === ApiKey.ApiVersions ? this.#options.handlerFor(apiKey, 0) : undefined;
      if (fallback === undefined) throw new ProtocolError(`${apiName(apiKey)} v${apiVersion} is not served`);
      // Not parsed: only its sender knows what the body is (PROTOCOL §2).
      const exchange = new Exchange({ ...header, apiVersion: 0 }, fallback, new Reader(frame.buffer, 0, 0), frame);
      this.#enter(exchange);
      this.#settle(exchange, { is: "body", write: writeUnsupportedApiVersions });
      return null;
    } catch (fault) {
      frame.release();
      throw fault;
    }
  }

  /** All that run at once are of one API, so the last one speaks for them. */
  #mayStart({ handler }: Exchange): boolean {
    return this.#running === 0 || (handler.isPipelined && this.#exchanges.at(-1)?.handler === handler);
  }

  #start(exchange: Exchange): void {
    this.#enter(exchange);
    const { header, handler } = exchange;
    const scope: RequestScope = {
      version: header.apiVersion,
      clientId: header.clientId ?? "",
      correlationId: header.correlationId,
      listener: this.#options.listener,
      remoteAddress: this.#connection.remoteAddress,
      afterSent: (release) => exchange.afterSent(release),
    };
    handler.handle(this.#options.parts, exchange.request, scope).then(
      (value) => this.#settle(exchange, value === null ? { is: "silence" } : { is: "response", value }),
      (fault: unknown) => this.#failed(exchange, fault),
    );
  }

  #enter(exchange: Exchange): void {
    this.#exchanges.push(exchange);
    this.#running++;
    this.#bytesInFlight += exchange.bytes;
    this.#options.slabs.requestBytes += exchange.bytes;
  }

  #settle(exchange: Exchange, answer: Answer): void {
    exchange.settle(answer);
    this.#running--;
    this.#bytesInFlight -= exchange.bytes;
    this.#options.slabs.requestBytes -= exchange.bytes;
    if (this.#isClosed) return exchange.sent();
    const [head] = this.#exchanges;
    if (head === undefined || head.answer === null) return;
    // With nothing else under way there is nothing to wait for; else the answers of this tick leave together.
    if (this.#running === 0) this.#flush();
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#options.clock.afterTick(() => this.#flush());
    }
  }

  /** A handler that throws costs its request; its connection only where the API has no way to say so (RELIABILITY N-21). */
  #failed(exchange: Exchange, fault: unknown): void {
    const { handler, request, header } = exchange;
    const value = fault instanceof CloseConnection ? null : handler.failed(request, ErrorCode.UNKNOWN_SERVER_ERROR);
    if (value === null) this.#refuse(fault);
    else {
      const api = apiName(header.apiKey);
      this.#options.logger.error({ err: fault, api, version: header.apiVersion }, "a request failed");
    }
    this.#settle(exchange, value === null ? { is: "silence" } : { is: "response", value });
    if (fault instanceof AssertionError) throw fault;
  }

  /** Encodes what is answered, up to the first request that is not, and sends it as one write. */
  #flush(): void {
    this.#isFlushDue = false;
    if (this.#isClosed || this.#isRefused) return;
    const leaving: Exchange[] = [];
    try {
      while (this.#exchanges[0] !== undefined && this.#exchanges[0].answer !== null) {
        const exchange = this.#exchanges.shift()!;
        if (exchange.holdsBuffers) leaving.push(exchange);
        exchange.write(writer);
      }
    } catch (fault) {
      // A half-written response can't be taken back.
      writer.finish();
      for (const exchange of leaving) exchange.sent();
      return this.#refuse(fault);
    }
    const taken = this.#connection.write(writer.finish(), () => {
      this.#activeAt = this.#options.clock.now();
      for (const exchange of leaving) exchange.sent();
    });
    if (!taken) this.#isBlocked = true;
    this.#pull();
  }

  #drained(): void {
    this.#isBlocked = false;
    this.#pull();
  }

  #isFull(): boolean {
    return (
      this.#isBlocked ||
      this.#exchanges.length >= this.#options.requestsInFlightMax ||
      this.#bytesInFlight >= serverLimits.requestBytesInFlightMax ||
      (this.#bytesInFlight > 0 && this.#options.slabs.requestBytes >= serverLimits.requestBytesMax)
    );
  }

  /** Stops reading only when bytes wait that can't be handled: a pause for every long poll would cost more than it saves. */
  #pauseOrResume(): void {
    if (this.#isClosed || this.#isRefused) return;
    const mustPause = (this.#held !== null || this.#isFull()) && this.#receiver.pendingBytes > 0;
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) this.#connection.pause();
    else this.#connection.resume();
  }

  #refuse(fault: unknown): void {
    const { logger } = this.#options;
    this.#isRefused = true;
    const fields = { err: fault, remoteAddress: this.#connection.remoteAddress };
    if (fault instanceof ProtocolError || fault instanceof CloseConnection)
      logger.debug(fields, "closing a connection");
    else logger.error(fields, "closing a connection after a fault of ours");
    this.#connection.destroy();
    if (fault instanceof AssertionError) throw fault;
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#receiver.close();
    this.#held?.settle({ is: "silence" });
    this.#held = null;
    for (const exchange of this.#exchanges.splice(0)) if (exchange.answer !== null) exchange.sent();
    this.#options.onClosed(this);
  }
}
