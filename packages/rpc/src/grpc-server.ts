import {
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { RpcError, type RpcMethod, type RpcServer, type RpcStream } from "@odradek/kit";

import { serverOptions } from "./channel-options.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { statusOf } from "./status.ts";

const asIs = (bytes: Buffer): Buffer => bytes;

/** Serves calls on one port. */
export class GrpcServer implements RpcServer {
  readonly #server = new Server(serverOptions);
  readonly #streams = new Set<() => void>();

  handle<Request, Response>(
    method: RpcMethod<Request, Response>,
    handler: (request: Request) => Promise<Response>,
  ): void {
    const unary = async (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): Promise<void> => {
      try {
        answer(null, method.encodeResponse(await handler(method.decodeRequest(call.request))));
      } catch (error) {
        answer(statusOf(error));
      }
    };
    this.#server.register<Buffer, Buffer>(method.path, unary, asIs, asIs, "unary");
  }

  accept<Request, Response>(
    method: RpcMethod<Request, Response>,
    accept: (stream: RpcStream<Response, Request>) => void,
  ): void {
    const bidi = (call: ServerDuplexStream<Buffer, Buffer>): void => accept(this.#accepted(method, call));
    this.#server.register<Buffer, Buffer>(method.path, bidi, asIs, asIs, "bidi");
  }

  listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(new Error(`can't listen on ${address}: ${error.message}`, { cause: error }));
        else resolve(port);
      });
    });
  }

  async close(): Promise<void> {
    // A closed session alone reaches the peers only with their next ping, so each stream is told first.
    for (const close of [...this.#streams]) close();
    await new Promise((resolve) => setImmediate(resolve));
    this.#server.forceShutdown();
  }

  #accepted<Request, Response>(
    method: RpcMethod<Request, Response>,
    call: ServerDuplexStream<Buffer, Buffer>,
  ): GrpcStream<Response, Request> {
    const codec = {
      encode: (message: Response) => method.encodeResponse(message),
      release: method.releaseResponse && ((bytes: Buffer) => method.releaseResponse?.(bytes)),
      decode: (bytes: Buffer) => method.decodeRequest(bytes),
    };
    const peer = call.getPeer();
    const finish = (error: RpcError | null): void => {
      this.#streams.delete(close);
      stream.finish(error);
    };
    // grpc-js resets no stream on the server's wish; an error status is how it ends one.
    const breakOff = (code: "CANCELLED" | "UNAVAILABLE", details: string): void => {
      call.emit("error", { code: status[code], details });
      queueMicrotask(() => finish(new RpcError(code, `${peer}: ${details}`)));
    };
    const close = (): void => breakOff("UNAVAILABLE", "the server is closed");
    const broken = (): void => finish(new RpcError("UNAVAILABLE", `${peer}: the connection is closed`));
    const cancel = (): void => breakOff("CANCELLED", "cancelled by the server");
    const stream = new GrpcStream<Response, Request>(call, codec, { end: () => call.end(), cancel });
    this.#streams.add(close);
    call.on("cancelled", broken);
    // A reset ends the readable side first too; whether it was one is known two turns of the loop later.
    const ended = (): void => {
      if (call.cancelled) return broken();
      call.end();
      finish(null);
    };
    call.on("end", () => setImmediate(() => setImmediate(ended)));
    call.on("finish", () => finish(null));
    call.sendMetadata(new Metadata());
    return stream;
  }
}
