import { type NetConnectOpts, type Server, Socket, connect, createServer } from "node:net";
import type { Connection, Listener, Net, Sink } from "./net.ts";

/** Where a socket's first bytes go, before its receiver exists; everything after lands in the receiver's own room. */
const FIRST_ROOM_BYTES = 1024;
const KEEP_ALIVE_MS = 30_000;

/** Node's `onread`: the kernel fills our buffers, instead of fresh 64 KiB ones (PERFORMANCE §1a). */
type OnRead = { buffer: () => Uint8Array; callback: (bytes: number, buffer: Uint8Array) => boolean };

/** What `onread` needs of an accepted socket. Node has no documented way to it, so it is asked for, never assumed. */
type Handle = { useUserBuffer?: unknown };
type AcceptedSocket = { _handle?: Handle | null };
type SocketFromHandle = new (options: { handle: Handle; onread: OnRead }) => Socket;

/** The port to byte streams over TCP. Nagle's delay is off, keep-alive on. */
export class NodeNet implements Net {
  readonly #onread: boolean;

  /** `onread: false` receives through 'data' events and a copy, as TLS sockets must. */
  constructor(options: { onread?: boolean } = {}) {
    this.#onread = options.onread ?? true;
  }

  listen(address: { host: string; port: number }, accept: (connection: Connection) => Sink): Promise<Listener> {
    const server = createServer({ pauseOnConnect: true }, (accepted) => {
      new NodeConnection((onread) => this.#takeOver(accepted, onread), accept);
    });
    return new Promise((resolve, reject) => {
      const where = `${address.host}:${address.port}`;
      // It comes again when there is no descriptor for a client: that one is not accepted, and the next may be (RELIABILITY L-25).
      server.on("error", (cause) => reject(new Error(`can't listen on ${where}: ${cause.message}`, { cause })));
      server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
        const bound = server.address();
        const port = bound !== null && typeof bound === "object" ? bound.port : address.port;
        resolve({ port, close: () => stopAccepting(server) });
      });
    });
  }

  connect(
    address: { host: string; port: number },
    sink: (connection: Connection) => Sink,
    options: { timeoutMs: number },
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const { host, port } = address;
      let receiver: Sink | null = null;
      const connection = new NodeConnection(
        (onread) => {
          const dial: NetConnectOpts = { host, port, timeout: options.timeoutMs };
          const socket = connect(this.#onread ? { ...dial, onread } : dial);
          const failed = (cause: NodeJS.ErrnoException): void => reject(dialError(address, cause));
          socket.once("timeout", () => socket.destroy(new Error(`no connection within ${options.timeoutMs} ms`)));
          socket.once("error", failed);
          socket.once("connect", () => {
            socket.setTimeout(0);
            socket.off("error", failed);
            receiver = sink(connection);
            resolve(connection);
          });
          return socket;
        },
        () => ({ room: () => receiver!.room(), filled: (bytes) => receiver!.filled(bytes) }),
      );
    });
  }

  /** Gives the accepted connection to a socket that reads into our buffers; `accepted` stays an empty shell. */
  #takeOver(accepted: Socket, onread: OnRead): Socket {
    const shell = accepted as unknown as AcceptedSocket;
    const handle = shell._handle;
    if (!this.#onread || typeof handle?.useUserBuffer !== "function") return accepted;
    shell._handle = null;
    accepted.destroy();
    return new (Socket as unknown as SocketFromHandle)({ handle, onread });
  }
}

/** Resolves once the port is free; `close` of Node would wait for open connections too. */
function stopAccepting(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

function dialError({ host, port }: { host: string; port: number }, cause: NodeJS.ErrnoException): Error {
  const hop = cause.syscall === "getaddrinfo" ? `name lookup of ${host} failed` : `TCP to ${host}:${port} failed`;
  return new Error(`${hop}: ${cause.message}`, { cause });
}

class NodeConnection implements Connection {
  readonly remoteAddress: string;
  onDrain: () => void = () => {};
  onClosed: (error: Error | null) => void = () => {};
  readonly #socket: Socket;
  readonly #sink: Sink;
  /** The buffer the socket started with; its bytes are copied to the receiver. */
  readonly #first = Buffer.allocUnsafe(FIRST_ROOM_BYTES);
  #isFirst = true;

  constructor(socketOf: (onread: OnRead) => Socket, sinkOf: (connection: Connection) => Sink) {
    const socket = socketOf({
      buffer: () => (this.#isFirst ? this.#first : this.#sink.room()),
      callback: (bytes, buffer) => this.#read(bytes, buffer),
    });
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? "";
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    let fault: Error | null = null;
    socket.on("error", (error) => (fault = error));
    socket.on("close", () => this.onClosed(fault));
    socket.on("drain", () => this.onDrain());
    this.#sink = sinkOf(this);
    // With `onread` no 'data' event ever comes; without it this is the way in.
    socket.on("data", (chunk: Buffer) => this.#copyIn(chunk, chunk.length));
    socket.resume();
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  write(buffers: readonly Buffer[], written?: () => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed || buffers.length === 0) {
      written?.();
      return true;
    }
    socket.cork();
    let isTaken = true;
    const last = buffers.length - 1;
    for (const [index, buffer] of buffers.entries())
      isTaken = socket.write(buffer, index === last ? () => written?.() : undefined);
    socket.uncork();
    return isTaken;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#copyIn(buffer, bytes);
    } else this.#sink.filled(bytes);
    return true;
  }

  #copyIn(bytes: Uint8Array, length: number): void {
    for (let at = 0; at < length;) {
      const room = this.#sink.room();
      const taken = Math.min(room.length, length - at);
      room.set(bytes.subarray(at, at + taken));
      at += taken;
      this.#sink.filled(taken);
    }
  }
}
