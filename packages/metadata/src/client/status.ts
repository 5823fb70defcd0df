import type { RpcMethod } from "@odradek/kit";
import { metadataService } from "./frames.ts";
import type { MemberOptions, MemberStatus, SessionInfo } from "./types.ts";

/** How one member sees itself. Rejects with an RpcError when it does not answer in time. */
export async function memberStatus(options: MemberOptions): Promise<MemberStatus> {
  const {
    leader,
    role,
    space,
    freeBytes = null,
    splitAt = null,
    ...numbers
  } = await ask(options, metadataService.Status);
  return {
    ...numbers,
    role: role as MemberStatus["role"],
    leader: leader === 0 ? null : leader,
    space: space as MemberStatus["space"],
    freeBytes,
    splitAt,
  };
}

/** Open sessions as one member knows them; only the leader knows which are attached. */
export async function listSessions(options: MemberOptions): Promise<SessionInfo[]> {
  return (await ask(options, metadataService.Sessions)).sessions;
}

async function ask<Response>(
  options: MemberOptions,
  method: RpcMethod<Record<string, never>, Response>,
): Promise<Response> {
  const client = options.rpc.client(options.address);
  try {
    return await client.call(method, {}, { timeoutMs: options.timeoutMs });
  } finally {
    client.close();
  }
}
