import { assert } from "../assert.ts";
import type { Clock } from "../clock.ts";
import { type Rpc, type RpcClient, RpcError, type RpcMethod, type RpcServer, type RpcStream } from "../rpc.ts";

type Acceptor = (end: End) => void;
type Options = {
  /** A function draws it anew for each message; those of one stream keep their order. */
  latencyMs: number | (() => number);
  connectTimeoutMs: number;
  keepaliveMs: number;
};

/** `send` answers false from this many undelivered messages on. */
const queuedMax = 256;

/**
 * The simulated twin of remote calls: every node of a test has an `Rpc` of its own and reaches the others through this network, which can
 * cut links (nothing arrives, nothing is refused; streams break when the keep-alive gives up) and crash nodes (streams break at once).
 */
export class MemoryNetwork {
  readonly clock: Clock;
  readonly options: Options;
  readonly #servers = new Map<string, { node: string; methods: Map<string, Acceptor> }>();
  readonly #streams = new Set<Pair>();
  readonly #cuts = new Set<string>();
  #nextPort = 40_000;

  constructor(clock: Clock, options: Partial<Options> = {}) {
    this.clock = clock;
    this.options = { latencyMs: 0, connectTimeoutMs: 2000, keepaliveMs: 2000, ...options };
  }

  /** The calls of the node `node`. */
  rpc(node: string): Rpc {
    return {
      client: (address) => new MemoryClient(this, node, address),
      server: () => new MemoryServer(this, node),
    };
  }

  /** Nothing passes between the two any more, in either direction. */
  cut(one: string, other: string): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** What `from` says does not reach `to` any more; the other way is open. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(way(from, to));
    for (const pair of this.#streams) if (pair.joins(from, to)) pair.silence();
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(way(one, other));
    this.#cuts.delete(way(other, one));
    for (const pair of this.#streams) if (pair.joins(one, other)) pair.flow();
  }

  /** How long the next message takes. */
  latency(): number {
    const { latencyMs } = this.options;
    return typeof latencyMs === "number" ? latencyMs : latencyMs();
  }

  /** The node's process is gone: its servers are closed and its streams broken. A new server may listen on the same address. */
  crash(node: string): void {
    for (const [address, server] of [...this.#servers]) if (server.node === node) this.#servers.delete(address);
    for (const pair of [...this.#streams])
      if (pair.client === node || pair.server === node) pair.break(new RpcError("UNAVAILABLE", `${node} is gone`));
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(way(from, to));
  }

  listen(node: string, address: string, methods: Map<string, Acceptor>): { port: number; close(): void } {
    const [host, wanted] = split(address);
    const port = wanted === 0 ? this.#nextPort++ : wanted;
    const key = `${host}:${port}`;
    if (this.#servers.has(key)) throw new Error(`can't listen on ${key}: in use`);
    this.#servers.set(key, { node, methods });
    return {
      port,
      close: () => {
        this.#servers.delete(key);
        const error = new RpcError("UNAVAILABLE", `${key}: the connection is closed`);
        for (const pair of [...this.#streams]) if (pair.address === key) pair.break(error);
      },
    };
  }

  open(node: string, address: string, path: string): Pair {
    const pair: Pair = new Pair(this, { client: node, server: this.#servers.get(address)?.node ?? address, address });
    pair.gone = () => this.#streams.delete(pair);
    this.#streams.add(pair);
    if (this.isCut(pair.client, pair.server) || this.isCut(pair.server, pair.client)) {
      pair.silence(this.options.connectTimeoutMs);
      return pair;
    }
    this.clock.timer(this.latency(), () => {
      const server = this.#servers.get(address);
      const accept = server?.methods.get(path);
      if (server) pair.server = server.node;
      if (!server) pair.break(new RpcError("UNAVAILABLE", `${address}: connection refused`, { isRefused: true }));
      else if (!accept) pair.break(new RpcError("UNIMPLEMENTED", `${address}: no method ${path}`));
      else pair.accepted(accept);
    });
    return pair;
  }
}

const way = (from: string, to: string): string => `${from} ${to}`;
const inOrder = (held: { bytes: Buffer | null; place: number }[]): (Buffer | null)[] =>
  held.toSorted((one, other) => one.place - other.place).map(({ bytes }) => bytes);
function split(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(":");
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}

/** One side of a stream: bytes in order, an orderly end, or a break. */
class End {
  receive: (bytes: Buffer) => void = () => {};
  ended: (error: RpcError | null) => void = () => {};
  over = false;
  sendEnded = false;
  /** When the last message sent arrives; none overtakes it. */
  arrivesMs = 0;
  sent = 0;
  /** Were on their way when the link was cut; they come before what waits. */
  readonly held: { bytes: Buffer | null; place: number }[] = [];
  readonly outbox: (Buffer | null)[] = [];
  readonly pair: Pair;

  constructor(pair: Pair) {
    this.pair = pair;
  }

  /** Null: the orderly end of this side. */
  send(bytes: Buffer | null): void {
    if (this.over || this.sendEnded) return;
    if (bytes === null) this.sendEnded = true;
    this.outbox.push(bytes);
    this.pair.flow();
  }

  finish(error: RpcError | null): void {
    if (this.over) return;
    this.over = true;
    this.outbox.length = 0;
    this.held.length = 0;
    this.ended(error);
  }
}

/** A stream between two nodes. */
class Pair {
  readonly client: string;
  /** The node that serves the address; until one accepts, whoever did when the stream was opened. */
  server: string;
  readonly address: string;
  readonly opener: End = new End(this);
  readonly acceptor: End = new End(this);
  gone: () => void = () => {};
  readonly #network: MemoryNetwork;
  #connected = false;
  #silent: (() => void) | null = null;

  constructor(network: MemoryNetwork, names: { client: string; server: string; address: string }) {
    this.#network = network;
    this.client = names.client;
    this.server = names.server;
    this.address = names.address;
  }

  accepted(accept: Acceptor): void {
    if (this.opener.over) return;
    this.#connected = true;
    accept(this.acceptor);
    this.flow();
  }

  /** The link is cut: break when it stays so for the keep-alive. */
  silence(timeoutMs = this.#network.options.keepaliveMs): void {
    this.#silent ??= this.#network.clock.timer(timeoutMs, () =>
      this.break(new RpcError("UNAVAILABLE", `${this.address}: no answer within ${timeoutMs} ms`)),
    );
  }

  /** Sends what is waiting on its way. Each message takes the latency; order is kept because timers of one delay keep theirs. */
  flow(): void {
    const network = this.#network;
    if (!this.#connected) return;
    const [there, back] = [!network.isCut(this.client, this.server), !network.isCut(this.server, this.client)];
    if (there && back) this.#silent?.();
    if (there && back) this.#silent = null;
    if (there) this.#move(this.opener, this.acceptor);
    if (back) this.#move(this.acceptor, this.opener);
  }

  joins(one: string, other: string): boolean {
    return (this.client === one && this.server === other) || (this.client === other && this.server === one);
  }

  #move(from: End, to: End): void {
    if (from.outbox.length === 0 && from.held.length === 0) return;
    const [sender, receiver] = from === this.opener ? [this.client, this.server] : [this.server, this.client];
    const { clock } = this.#network;
    for (const bytes of [...inOrder(from.held.splice(0)), ...from.outbox.splice(0)]) {
      // A little later than the one before, whatever rounding does to the difference.
      from.arrivesMs = Math.max(from.arrivesMs + 1e-6, clock.now() + this.#network.latency());
      const place = from.sent++;
      clock.timer(Math.max(0, from.arrivesMs - clock.now()), () => {
        if (this.#network.isCut(sender, receiver)) from.held.push({ bytes, place });
        else if (bytes === null) this.#over(to);
        else if (!to.over) to.receive(bytes);
      });
    }
  }

  /** An end that ends in order ends the other one too, as our servers do. */
  #over(receiver: End): void {
    receiver.finish(null);
    (receiver === this.opener ? this.acceptor : this.opener).finish(null);
    this.gone();
  }

  break(error: RpcError): void {
    this.#silent?.();
    this.opener.finish(error);
    this.acceptor.finish(error);
    this.gone();
  }
}

class MemoryStream<Out, In> implements RpcStream<Out, In> {
  onMessage: (message: In) => void = () => {};
  onEnded: (error: RpcError | null) => void = () => {};
  readonly #end: End;
  readonly #encode: (message: Out) => Buffer;
  readonly #clock: Clock;

  constructor(clock: Clock, end: End, encode: (message: Out) => Buffer, decode: (bytes: Buffer) => In) {
    this.#clock = clock;
    this.#end = end;
    this.#encode = encode;
    end.receive = (bytes) => this.onMessage(decode(bytes));
    end.ended = (error) => this.onEnded(error);
  }

  get queued(): number {
    return this.#end.outbox.length;
  }

  send(message: Out): boolean {
    this.#end.send(this.#encode(message));
    return this.#end.outbox.length < queuedMax;
  }

  async drained(): Promise<void> {
    while (!this.#end.over && this.#end.outbox.length >= queuedMax)
      await new Promise<void>((resolve) => this.#clock.timer(1, resolve));
  }

  end(): void {
    this.#end.send(null);
  }

  cancel(): void {
    if (this.#end.over) return;
    this.#clock.timer(0, () => this.#end.pair.break(new RpcError("CANCELLED", `${this.#end.pair.address}: cancelled`)));
  }
}

class MemoryClient implements RpcClient {
  readonly #network: MemoryNetwork;
  readonly #node: string;
  readonly #address: string;
  readonly #open = new Set<Pair>();

  constructor(network: MemoryNetwork, node: string, address: string) {
    this.#network = network;
    this.#node = node;
    this.#address = address;
  }

  call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    options: { timeoutMs: number },
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const pair = this.#pair(method.path);
      const cancel = this.#network.clock.timer(options.timeoutMs, () =>
        pair.break(new RpcError("DEADLINE_EXCEEDED", `${this.#address}: no answer within ${options.timeoutMs} ms`)),
      );
      pair.opener.receive = (bytes) => resolve(method.decodeResponse(bytes));
      pair.opener.ended = (error) => {
        cancel();
        this.#open.delete(pair);
        reject(error ?? new RpcError("INTERNAL", `${this.#address}: no response`));
      };
      pair.opener.send(Buffer.from(method.encodeRequest(request)));
    });
  }

  open<Request, Response>(method: RpcMethod<Request, Response>): RpcStream<Request, Response> {
    const pair = this.#pair(method.path);
    const stream = new MemoryStream(
      this.#network.clock,
      pair.opener,
      (message: Request) => Buffer.from(method.encodeRequest(message)),
      method.decodeResponse,
    );
    const { ended } = pair.opener;
    pair.opener.ended = (error) => {
      this.#open.delete(pair);
      ended(error);
    };
    return stream;
  }

  close(): void {
    for (const pair of [...this.#open])
      pair.break(new RpcError("UNAVAILABLE", `${this.#address}: the channel is closed`));
  }

  #pair(path: string): Pair {
    const pair = this.#network.open(this.#node, this.#address, path);
    this.#open.add(pair);
    return pair;
  }
}

class MemoryServer implements RpcServer {
  readonly #network: MemoryNetwork;
  readonly #node: string;
  readonly #methods = new Map<string, Acceptor>();
  readonly #listening: { close(): void }[] = [];

  constructor(network: MemoryNetwork, node: string) {
    this.#network = network;
    this.#node = node;
  }

  handle<Request, Response>(
    method: RpcMethod<Request, Response>,
    handler: (request: Request) => Promise<Response>,
  ): void {
    this.#methods.set(method.path, (end) => {
      end.receive = (bytes) => void this.#answer(method, handler, bytes, end);
    });
  }

  accept<Request, Response>(
    method: RpcMethod<Request, Response>,
    accept: (stream: RpcStream<Response, Request>) => void,
  ): void {
    const { clock } = this.#network;
    this.#methods.set(method.path, (end) =>
      accept(new MemoryStream(clock, end, (message: Response) => copied(method, message), method.decodeRequest)),
    );
  }

  async listen(address: string): Promise<number> {
    assert(this.#listening.length === 0, "a server listens once");
    const listening = this.#network.listen(this.#node, address, this.#methods);
    this.#listening.push(listening);
    return listening.port;
  }

  close(): Promise<void> {
    for (const listening of this.#listening.splice(0)) listening.close();
    return Promise.resolve();
  }

  async #answer<Request, Response>(
    method: RpcMethod<Request, Response>,
    handler: (request: Request) => Promise<Response>,
    bytes: Buffer,
    end: End,
  ): Promise<void> {
    try {
      end.send(Buffer.from(method.encodeResponse(await handler(method.decodeRequest(bytes)))));
      end.send(null);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof RpcError ? error.code : "INTERNAL";
      end.pair.break(new RpcError(code, `${end.pair.address}: ${message}`, { cause: error }));
    }
  }
}

/** The message as it stands on the wire: a copy, so the encoder has its buffer back. */
function copied<Request, Response>(method: RpcMethod<Request, Response>, message: Response): Buffer {
  const bytes = method.encodeResponse(message);
  const copy = Buffer.from(bytes);
  method.releaseResponse?.(bytes);
  return copy;
}
