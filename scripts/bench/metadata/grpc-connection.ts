import { connect, type Socket } from "node:net";

// gRPC over HTTP/2 (RFC 9113) with hand-made frames: a library's call costs ten times what these do, and a load generator must cost less than
// what it loads. Nothing is compressed and no response header is read: a call without a message in its response has failed.

const kinds = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const acknowledged = 1;
const endStream = 1;
const endHeaders = 4;
/** What every peer takes in one frame. */
const frameBytesMax = 16_384;
/** We read everything at once, so the peer may send as much as the protocol allows. */
const window = 0x7fff_ffff - 0xffff;

type Stream = { onMessage: (message: Buffer) => void; onEnd: () => void; waiting: Buffer };

/** A method of a service, ready to be called. */
export type Method = { readonly headers: Buffer };

/** `path`: "/package.Service/Method". */
export function method(path: string): Method {
  const literal = (name: readonly number[], value: string): Buffer =>
    Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value)]);
  const te = Buffer.concat([Buffer.from([0x00, 2]), Buffer.from("te"), Buffer.from([8]), Buffer.from("trailers")]);
  // Indices of HPACK's static table: 3 is ":method: POST", 6 ":scheme: http", 4 ":path", 1 ":authority", 31 "content-type".
  const headers = [Buffer.from([0x83, 0x86]), literal([0x04], path), literal([0x01], "127.0.0.1")];
  return { headers: Buffer.concat([...headers, literal([0x0f, 16], "application/grpc"), te]) };
}

export class GrpcConnection {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Stream>();
  #nextStream = 1;
  #unread: Buffer = Buffer.alloc(0);
  #receivedBytes = 0;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("error", () => {});
    socket.on("close", () => this.#close());
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(2); // no server push
    settings.writeUInt16BE(4, 6); // initial window of a stream
    settings.writeUInt32BE(window, 8);
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.concat([preface, frame(kinds.settings, 0, 0, settings), this.#windowUpdate(window)]));
  }

  static open(port: number): Promise<GrpcConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => resolve(new GrpcConnection(socket)));
    });
  }

  /** Opens one for the time of `work`. */
  static async during<T>(port: number, work: (connection: GrpcConnection) => Promise<T>): Promise<T> {
    const connection = await GrpcConnection.open(port);
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }

  /** A unary call. */
  call(of: Method, message: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream: Stream = {
        onMessage: resolve,
        onEnd: () => reject(new Error("the call failed")),
        waiting: Buffer.alloc(0),
      };
      this.#open(of, stream, message, endStream);
    });
  }

  /** A stream of messages in both directions. */
  stream(of: Method, on: { message: (message: Buffer) => void; end: () => void }): (message: Buffer) => void {
    const stream: Stream = { onMessage: on.message, onEnd: on.end, waiting: Buffer.alloc(0) };
    const id = this.#open(of, stream, null, 0);
    return (message) => void this.#socket.write(dataFrames(id, message, 0));
  }

  close(): void {
    this.#socket.destroy();
    this.#close();
  }

  #open(of: Method, stream: Stream, message: Buffer | null, flags: number): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    if (this.#closed) {
      stream.onEnd();
      return id;
    }
    this.#streams.set(id, stream);
    const headers = frame(kinds.headers, endHeaders, id, of.headers);
    this.#socket.write(message ? Buffer.concat([headers, dataFrames(id, message, flags)]) : headers);
    return id;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.onEnd();
    this.#streams.clear();
  }

  #receive(bytes: Buffer): void {
    const all = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    let at = 0;
    while (all.length - at >= 9) {
      const end = at + 9 + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#frame(all[at + 3]!, all[at + 4]!, all.readUInt32BE(at + 5), all.subarray(at + 9, end));
      at = end;
    }
    this.#unread = all.subarray(at);
  }

  #frame(kind: number, flags: number, id: number, payload: Buffer): void {
    switch (kind) {
      case kinds.data:
        this.#data(id, payload);
        break;
      case kinds.settings:
        if (!(flags & acknowledged)) this.#socket.write(frame(kinds.settings, acknowledged, 0, Buffer.alloc(0)));
        return;
      case kinds.ping:
        if (!(flags & acknowledged)) this.#socket.write(frame(kinds.ping, acknowledged, 0, payload));
        return;
      case kinds.goAway:
        return this.close();
      default:
    }
    const isEnd = (kind === kinds.data || kind === kinds.headers) && flags & endStream;
    if (!isEnd && kind !== kinds.reset) return;
    this.#streams.get(id)?.onEnd();
    this.#streams.delete(id);
  }

  #data(id: number, payload: Buffer): void {
    this.#receivedBytes += payload.length;
    if (this.#receivedBytes > window / 2) {
      this.#socket.write(this.#windowUpdate(this.#receivedBytes));
      this.#receivedBytes = 0;
    }
    const stream = this.#streams.get(id);
    if (!stream) return;
    let bytes = stream.waiting.length === 0 ? payload : Buffer.concat([stream.waiting, payload]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      stream.onMessage(bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
    stream.waiting = bytes;
  }

  #windowUpdate(bytes: number): Buffer {
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes);
    return frame(kinds.windowUpdate, 0, 0, increment);
  }
}

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, 9);
  return bytes;
}

/** One gRPC message, not compressed. Messages here are smaller than what a peer lets us send unasked, 64 KiB. */
function dataFrames(stream: number, message: Buffer, flags: number): Buffer {
  const prefixed = Buffer.allocUnsafe(5 + message.length);
  prefixed[0] = 0;
  prefixed.writeUInt32BE(message.length, 1);
  message.copy(prefixed, 5);
  if (prefixed.length <= frameBytesMax) return frame(kinds.data, flags, stream, prefixed);
  const frames: Buffer[] = [];
  for (let at = 0; at < prefixed.length; at += frameBytesMax) {
    const part = prefixed.subarray(at, at + frameBytesMax);
    frames.push(frame(kinds.data, at + part.length === prefixed.length ? flags : 0, stream, part));
  }
  return Buffer.concat(frames);
}
