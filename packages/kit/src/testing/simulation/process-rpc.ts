import type { Rpc, RpcStream } from "../../rpc.ts";
import type { ProcessClock } from "./process-clock.ts";

/** Sees a stream as its process does: when it reads, and when it writes. */
export type StreamWitness = {
  heard(message: unknown): void;
  said(message: unknown): void;
  /** From now on it is of no use, whoever ended it. */
  broke(): void;
};

/** `lagMs`: so long after it has come something is read, also the end of the stream. */
export type AcceptedStream = { witness?: StreamWitness; lagMs?: number };

/**
 * Calls of one simulated process: what arrives waits while it is paused, and reaches nobody when it has died. `accepted` is asked about
 * every stream that the process accepts, by the path of its method.
 */
export function processRpc(
  rpc: Rpc,
  clock: ProcessClock,
  accepted: (path: string) => AcceptedStream = () => ({}),
): Rpc {
  return {
    client: (address) => {
      const client = rpc.client(address);
      return {
        call: (method, request, options) =>
          new Promise((resolve, reject) => {
            client.call(method, request, options).then(
              (response) => clock.run(() => resolve(response)),
              (error: Error) => clock.run(() => reject(error)),
            );
          }),
        open: (method) => guarded(client.open(method), clock),
        close: () => client.close(),
      };
    },
    server: () => {
      const server = rpc.server();
      return {
        handle: (method, handler) =>
          server.handle(method, (request) => new Promise((answer) => clock.run(() => answer(handler(request))))),
        accept: (method, accept) =>
          server.accept(method, (stream) => {
            const own = guarded(stream, clock, accepted(method.path));
            clock.run(() => accept(own));
          }),
        listen: (address) => server.listen(address),
        close: () => server.close(),
      };
    },
  };
}

function guarded<Out, In>(
  stream: RpcStream<Out, In>,
  clock: ProcessClock,
  { witness, lagMs = 0 }: AcceptedStream = {},
): RpcStream<Out, In> {
  const own: RpcStream<Out, In> = {
    send: (message) => {
      witness?.said(message);
      return stream.send(message);
    },
    get queued() {
      return stream.queued;
    },
    drained: () => stream.drained(),
    onMessage: () => {},
    onEnded: () => {},
    end: () => stream.end(),
    cancel: () => {
      witness?.broke();
      stream.cancel();
    },
  };
  const read = (run: () => void): void => {
    if (lagMs === 0) clock.run(run);
    else clock.timer(lagMs, run);
  };
  stream.onMessage = (message) =>
    read(() => {
      witness?.heard(message);
      own.onMessage(message);
    });
  stream.onEnded = (error) =>
    read(() => {
      witness?.broke();
      own.onEnded(error);
    });
  return own;
}
