import {
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Cancel, type Clock, RpcError, type RpcClient, type RpcMethod, type RpcStream } from "@odradek/kit";

import { clientOptions } from "./channel-options.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { rpcError } from "./status.ts";

const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * Calls to one peer. grpc-js has no connect timeout: a peer that accepts and never answers would keep its channel connecting for
 * minutes after it came back. So a call that times out on an unconnected channel drops the channel, and the next call dials anew.
 */
export class GrpcClient implements RpcClient {
  readonly #address: string;
  readonly #clock: Clock;
  readonly #connectTimeoutMs: number;
  #client: Client;
  #closed = false;

  constructor(address: string, clock: Clock, connectTimeoutMs: number) {
    this.#address = address;
    this.#clock = clock;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#client = this.#dial();
  }

  call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    options: { timeoutMs: number },
  ): Promise<Response> {
    const client = this.#client;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        asIs,
        asIs,
        method.encodeRequest(request),
        new Metadata(),
        { deadline: Date.now() + options.timeoutMs },
        (error: ServiceError | null, response?: Buffer) => {
          if (error === null) return resolve(method.decodeResponse(response!));
          const failed = rpcError(error, this.#address, error);
          if (failed.code === "DEADLINE_EXCEEDED") this.#renew(client);
          reject(failed);
        },
      );
    });
  }

  open<Request, Response>(method: RpcMethod<Request, Response>): RpcStream<Request, Response> {
    const client = this.#client;
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(method.path, asIs, asIs);
    const codec = {
      encode: (message: Request) => method.encodeRequest(message),
      decode: (bytes: Buffer) => method.decodeResponse(bytes),
    };
    const stream = new GrpcStream<Request, Response>(call, codec, {
      end: () => call.end(),
      cancel: () => call.cancel(),
    });
    const connected = this.#connectDeadline(client, call, stream);
    let cause: ServiceError | undefined;
    call.on("metadata", connected);
    call.on("error", (error: ServiceError) => (cause = error));
    call.on("status", (ended) => {
      connected();
      stream.finish(ended.code === 0 ? null : rpcError(ended, this.#address, cause));
    });
    return stream;
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  /** The server sends its headers as soon as it accepts a stream; none in time means that nobody is there. */
  #connectDeadline<Out, In>(
    client: Client,
    call: ClientDuplexStream<Buffer, Buffer>,
    stream: GrpcStream<Out, In>,
  ): Cancel {
    return this.#clock.timer(this.#connectTimeoutMs, () => {
      stream.finish(new RpcError("UNAVAILABLE", `${this.#address}: no answer within ${this.#connectTimeoutMs} ms`));
      call.cancel();
      this.#renew(client);
    });
  }

  #renew(client: Client): void {
    if (this.#closed || client !== this.#client) return;
    if (client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
    this.#client = this.#dial();
    client.close();
  }

  #dial(): Client {
    return new Client(this.#address, credentials.createInsecure(), clientOptions);
  }
}
