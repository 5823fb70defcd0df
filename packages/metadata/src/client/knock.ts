import { type Rpc, RpcError, type RpcServer } from "@odradek/kit";
import { clientService } from "./frames.ts";

/** Lets the store find out whether this process lives, on a server that is about to listen: `Session.reachableAt` says where. */
export function answerKnocks(server: RpcServer): void {
  server.handle(clientService.Knock, () => Promise.resolve({}));
}

/** Whether nobody serves at the address any more. Silence says nothing, and any answer says the contrary. Rejects when it is no address. */
export async function isDeserted(address: string, rpc: Rpc, timeoutMs: number): Promise<boolean> {
  const client = rpc.client(address);
  try {
    await client.call(clientService.Knock, {}, { timeoutMs });
    return false;
  } catch (error) {
    if (error instanceof RpcError) return error.isRefused;
    throw error;
  } finally {
    client.close();
  }
}
