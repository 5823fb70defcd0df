import { Socket } from "node:net";
import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";
import { cpuSeconds } from "./process-usage.ts";

/** What a load asks for next and makes of the answer. Called once per request, so it must be cheap. */
export interface Conversation {
  /** The next request with its length prefix, written as it is. */
  next(): Buffer;
  /** A whole response without its length prefix. Valid during the call. Returns the payload bytes it stands for. */
  answered(response: Buffer): number;
}

export type Load = {
  host: string;
  port: number;
  connections: number;
  /** Requests in flight on each connection. */
  depth: number;
  warmupMs: number;
  measureMs: number;
  /** The processes that serve, as far as they are known. */
  servers?: readonly number[];
  conversation: (connection: number) => Conversation;
};

export type Figures = {
  bytesPerSecond: number;
  requestsPerSecond: number;
  p50Us: number;
  p99Us: number;
  /** What a request takes of the processors, in all that serve together (0: they are not known) and in this process. */
  serverCpuUs: number;
  loadCpuUs: number;
};

/** Largest response taken: a fetch of some MiB. */
const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A closed loop: each connection keeps `depth` requests in flight. Requests are built beforehand and responses are read into one
 * buffer per connection, so that this process isn't the limit. Rejects when a connection fails or is closed by the server.
 */
export async function run(load: Load): Promise<Figures> {
  const histogram = createHistogram();
  const total: Total = { bytes: 0, requests: 0, isMeasuring: false };
  const lines = Array.from(
    { length: load.connections },
    (_, at) => new Line(load, load.conversation(at), total, histogram),
  );
  try {
    await Promise.race([Promise.all(lines.map((line) => line.open())), ...lines.map((line) => line.failed)]);
    for (const line of lines) line.start();
    await Promise.race([elapsed(load.warmupMs), ...lines.map((line) => line.failed)]);
    total.isMeasuring = true;
    const cpuBefore = cpuOf(load);
    const startedMs = performance.now();
    await Promise.race([elapsed(load.measureMs), ...lines.map((line) => line.failed)]);
    const seconds = (performance.now() - startedMs) / 1000;
    total.isMeasuring = false;
    const cpu = cpuOf(load);
    return {
      bytesPerSecond: total.bytes / seconds,
      requestsPerSecond: total.requests / seconds,
      p50Us: total.requests > 0 ? histogram.percentile(50) : 0,
      p99Us: total.requests > 0 ? histogram.percentile(99) : 0,
      serverCpuUs: (1e6 * (cpu.servers - cpuBefore.servers)) / total.requests,
      loadCpuUs: (1e6 * (cpu.own - cpuBefore.own)) / total.requests,
    };
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

const cpuOf = ({ servers = [] }: Load): { servers: number; own: number } => ({
  servers: servers.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  own: cpuSeconds(process.pid),
});

const elapsed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Total = { bytes: number; requests: number; isMeasuring: boolean };

/** One connection of a load. */
class Line {
  readonly failed: Promise<never>;
  readonly #socket: Socket;
  readonly #load: Load;
  readonly #conversation: Conversation;
  readonly #total: Total;
  readonly #histogram: RecordableHistogram;
  #fail: (error: Error) => void = () => {};
  #buffer = Buffer.allocUnsafeSlow(256 * 1024);
  #filled = 0;
  readonly #sentUs: number[] = [];
  #closing = false;

  constructor(load: Load, conversation: Conversation, total: Total, histogram: RecordableHistogram) {
    this.#load = load;
    this.#conversation = conversation;
    this.#total = total;
    this.#histogram = histogram;
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => {});
    this.#socket = new Socket({
      onread: { buffer: () => this.#buffer.subarray(this.#filled), callback: (bytes) => this.#read(bytes) },
    });
  }

  open(): Promise<void> {
    const { host, port } = this.#load;
    this.#socket.setNoDelay(true);
    this.#socket.once("error", (cause) => this.#fail(new Error(`${host}:${port}: ${cause.message}`, { cause })));
    this.#socket.once("close", () => {
      if (!this.#closing) this.#fail(new Error(`${host}:${port} closed the connection`));
    });
    return new Promise((resolve) => {
      this.#socket.connect({ host, port }, resolve);
    });
  }

  start(): void {
    for (let sent = 0; sent < this.#load.depth; sent++) this.#send();
  }

  close(): Promise<void> {
    this.#closing = true;
    if (this.#socket.closed) return Promise.resolve(); // by the other side
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #send(): void {
    this.#sentUs.push(performance.now() * 1000);
    this.#socket.write(this.#conversation.next());
  }

  #read(bytes: number): boolean {
    try {
      this.#take(bytes);
      return true;
    } catch (error) {
      this.#fail(error as Error); // whoever waits for the load ends what was started for it
      return false;
    }
  }

  #take(bytes: number): void {
    this.#filled += bytes;
    let start = 0;
    while (this.#filled - start >= 4) {
      const size = 4 + this.#buffer.readInt32BE(start);
      if (size > RESPONSE_BYTES_MAX) throw new Error(`a response of ${size} bytes`);
      if (this.#filled - start < size) {
        return this.#makeRoom(start, size);
      }
      this.#answered(this.#buffer.subarray(start + 4, start + size));
      start += size;
    }
    this.#makeRoom(start, 4);
  }

  /** Moves the unread rest to the front and makes sure that `size` bytes fit. */
  #makeRoom(start: number, size: number): void {
    const rest = this.#buffer.subarray(start, this.#filled);
    if (size > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(size * 2);
      rest.copy(larger);
      this.#buffer = larger;
    } else if (start > 0) this.#buffer.copyWithin(0, start, this.#filled);
    this.#filled = rest.length;
  }

  #answered(response: Buffer): void {
    const sentUs = this.#sentUs.shift()!;
    const bytes = this.#conversation.answered(response);
    if (this.#total.isMeasuring) {
      this.#total.bytes += bytes;
      this.#total.requests++;
      this.#histogram.record(Math.max(1, Math.round(performance.now() * 1000 - sentUs)));
    }
    if (!this.#closing) this.#send();
  }
}
