import { type Clock, type Rpc, SystemClock } from "@odradek/kit";

import { GrpcClient } from "./grpc-client.ts";
import { GrpcServer } from "./grpc-server.ts";

/**
 * The port `Rpc` on grpc-js. Every client has a channel of its own. `connectTimeoutMs` (2000) bounds how long a stream
 * may wait for a peer that accepts connections and says nothing. `routes`: by address, the one to dial instead.
 */
export function grpcRpc(
  options: { clock?: Clock; connectTimeoutMs?: number; routes?: ReadonlyMap<string, string> } = {},
): Rpc {
  const clock = options.clock ?? new SystemClock();
  const connectTimeoutMs = options.connectTimeoutMs ?? 2000;
  return {
    client: (address) => new GrpcClient(options.routes?.get(address) ?? address, clock, connectTimeoutMs),
    server: () => new GrpcServer(),
  };
}
