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

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.forceShutdown();
      this.#server.tryShutdown(() => resolve());
      for (const broken of [...this.#streams]) broken();
    });
  }

  #accepted<Request, Response>(
    method: RpcMethod<Request, Response>,
    call: ServerDuplexStream<Buffer, Buffer>,
  ): GrpcStream<Response, Request> {
    const codec = { encode: method.encodeResponse, decode: method.decodeRequest };
    const peer = call.getPeer();
    const finish = (error: RpcError | null): void => {
      this.#streams.delete(broken);
      stream.finish(error);
    };
    const broken = (): void => finish(new RpcError("UNAVAILABLE", `${peer}: the connection is closed`));
    const cancel = (): void => {
      // grpc-js resets no stream on the server's wish; an error status is how it ends one.
      call.emit("error", { code: status.CANCELLED, details: "cancelled by the server" });
      queueMicrotask(() => finish(new RpcError("CANCELLED", `${peer}: cancelled here`)));
    };
    const stream = new GrpcStream<Response, Request>(call, codec, { end: () => call.end(), cancel });
    this.#streams.add(broken);
    call.on("cancelled", broken);
    // A reset also ends the readable side first; only what comes after tells the two apart.
    call.on("end", () =>
      setImmediate(() => {
        if (call.cancelled) return broken();
        call.end();
        finish(null);
      }),
    );
    call.on("finish", () => finish(null));
    call.sendMetadata(new Metadata());
    return stream;
  }
}
