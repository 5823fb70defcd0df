import { type Rpc, RpcError, type RpcServer } from "@odradek/kit";
import { clientService } from "./frames.ts";

/** Lets the store find out whether this process lives, on a server that is about to listen: `Session.reachableAt` says where. */
export function answerKnocks(server: RpcServer): void {
  server.handle(clientService.Knock, () => Promise.resolve({}));
}

/** Refused: as seen from here nobody serves at the address. Anything but an answer and that, silence above all, says nothing. */
export type Knocked = "answered" | "refused" | "unknown";

/** Rejects when it is no address. */
export async function knock(address: string, rpc: Rpc, timeoutMs: number): Promise<Knocked> {
  const client = rpc.client(address);
  try {
    await client.call(clientService.Knock, {}, { timeoutMs });
    return "answered";
  } catch (error) {
    if (error instanceof RpcError) return error.isRefused ? "refused" : "unknown";
    throw error;
  } finally {
    client.close();
  }
}
