/** One method of a service: its gRPC path ("/odradek.Raft/Peer") and the codecs of its two messages. */
export type RpcMethod<Request, Response> = {
  path: string;
  encodeRequest(message: Request): Buffer;
  decodeRequest(bytes: Buffer): Request;
  encodeResponse(message: Response): Buffer;
  decodeResponse(bytes: Buffer): Response;
  /** Called with what `encodeResponse` made once the transport has taken it: an encoder that pools its buffers uses it again. */
  releaseResponse?(bytes: Buffer): void;
};

/** A call that did not succeed. `code` is the gRPC status name: UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED … */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: string;
  /** The address was reached, and no process serves there: what silence, a cut or a failing name never say. */
  readonly isRefused: boolean;

  constructor(code: string, message: string, options?: ErrorOptions & { isRefused?: boolean }) {
    super(message, options);
    this.code = code;
    this.isRefused = options?.isRefused ?? false;
  }
}

/** One end of a bidirectional stream of messages. After `ended` nothing arrives and `send` does nothing. */
export interface RpcStream<Out, In> {
  /** Queues a message. False: the peer is slower than we are; wait for `drained()` before sending much more. */
  send(message: Out): boolean;
  /** Messages queued and not yet taken by the transport. */
  readonly queued: number;
  drained(): Promise<void>;
  /** Called for each message, in order. Set it synchronously after opening or accepting. */
  onMessage: (message: In) => void;
  /** Called once: null when the peer ended in order, else why the stream broke. */
  onEnded: (error: RpcError | null) => void;
  /** Ends our side in order. */
  end(): void;
  /** Breaks the stream at once, at both ends. */
  cancel(): void;
}

/** The port to remote calls, client side: one per peer address. Calls to a dead or silent peer fail by their deadline, never hang (RELIABILITY C-19). */
export interface RpcClient {
  call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    options: { timeoutMs: number },
  ): Promise<Response>;
  /** Opens a bidirectional stream; a peer that can't be reached ends it with UNAVAILABLE. */
  open<Request, Response>(method: RpcMethod<Request, Response>): RpcStream<Request, Response>;
  close(): void;
}

/** Server side. Register every method, then listen. */
export interface RpcServer {
  handle<Request, Response>(
    method: RpcMethod<Request, Response>,
    handler: (request: Request) => Promise<Response>,
  ): void;
  accept<Request, Response>(
    method: RpcMethod<Request, Response>,
    accept: (stream: RpcStream<Response, Request>) => void,
  ): void;
  /** Listens on "host:port" (port 0: any) and returns the port. */
  listen(address: string): Promise<number>;
  /** Stops listening and breaks every stream. */
  close(): Promise<void>;
}

/** Makes clients and servers; one per process. */
export interface Rpc {
  client(address: string): RpcClient;
  server(): RpcServer;
}
