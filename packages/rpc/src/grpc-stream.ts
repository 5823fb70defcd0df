import type { ClientDuplexStream, ServerDuplexStream } from "@grpc/grpc-js";
import type { RpcError, RpcStream } from "@odradek/kit";

/** More than this waiting makes `send` answer false. */
const queuedMax = 256;
const queuedBytesMax = 1024 * 1024;

type Call = ClientDuplexStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;
type Ending = { end(): void; cancel(): void };
type Codec<Out, In> = {
  encode: (message: Out) => Buffer;
  decode: (bytes: Buffer) => In;
  /** Takes back what `encode` made, once gRPC has copied it. */
  release?: ((bytes: Buffer) => void) | undefined;
};

/** One end of a gRPC stream. Its owner calls `finish` once, when the transport says that it is over. */
export class GrpcStream<Out, In> implements RpcStream<Out, In> {
  onMessage: (message: In) => void = () => {};
  onEnded: (error: RpcError | null) => void = () => {};
  readonly #call: Call;
  readonly #codec: Codec<Out, In>;
  readonly #ending: Ending;
  #queued = 0;
  #queuedBytes = 0;
  #sendEnded = false;
  #ended = false;
  #drained: (() => void)[] = [];

  constructor(call: Call, codec: Codec<Out, In>, ending: Ending) {
    this.#call = call;
    this.#codec = codec;
    this.#ending = ending;
    call.on("data", (bytes: Buffer) => {
      if (this.#ended) return;
      const message = decoded(codec.decode, bytes);
      if (message) this.onMessage(message.value);
      else this.cancel();
    });
  }

  get queued(): number {
    return this.#queued;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get #full(): boolean {
    return this.#queued >= queuedMax || this.#queuedBytes >= queuedBytesMax;
  }

  send(message: Out): boolean {
    if (this.#ended || this.#sendEnded) return true;
    const bytes = this.#codec.encode(message);
    const { length } = bytes;
    this.#queued++;
    this.#queuedBytes += length;
    this.#call.write(bytes, () => {
      this.#queued--;
      this.#queuedBytes -= length;
      this.#codec.release?.(bytes);
      if (!this.#full) this.#release();
    });
    return !this.#full;
  }

  drained(): Promise<void> {
    if (this.#ended || !this.#full) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  end(): void {
    if (this.#ended || this.#sendEnded) return;
    this.#sendEnded = true;
    this.#ending.end();
  }

  cancel(): void {
    if (!this.#ended) this.#ending.cancel();
  }

  /** Reports the end once and lets go of everyone who waits. */
  finish(error: RpcError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queued = 0;
    this.#release();
    this.onEnded(error);
  }

  #release(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** Null: not a message of this method. It costs its sender the stream, not us the process (RELIABILITY §4.9). */
function decoded<In>(decode: (bytes: Buffer) => In, bytes: Buffer): { value: In } | null {
  try {
    return { value: decode(bytes) };
  } catch {
    return null;
  }
}
