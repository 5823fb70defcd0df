import type { Rpc, RpcStream } from "../../rpc.ts";
import type { ProcessClock } from "./process-clock.ts";

/** Calls of one simulated process: what arrives waits while it is paused, and reaches nobody when it has died. */
export function processRpc(rpc: Rpc, clock: ProcessClock): Rpc {
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
            const own = guarded(stream, clock);
            clock.run(() => accept(own));
          }),
        listen: (address) => server.listen(address),
        close: () => server.close(),
      };
    },
  };
}

function guarded<Out, In>(stream: RpcStream<Out, In>, clock: ProcessClock): RpcStream<Out, In> {
  const own: RpcStream<Out, In> = {
    send: (message) => stream.send(message),
    get queued() {
      return stream.queued;
    },
    drained: () => stream.drained(),
    onMessage: () => {},
    onEnded: () => {},
    end: () => stream.end(),
    cancel: () => stream.cancel(),
  };
  stream.onMessage = (message) => clock.run(() => own.onMessage(message));
  stream.onEnded = (error) => clock.run(() => own.onEnded(error));
  return own;
}
