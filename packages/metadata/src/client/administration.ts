import type { RpcMethod } from "@odradek/kit";
import { metadataService, type WireAdministered } from "./frames.ts";
import type { Administered, MemberChange, MemberOptions } from "./types.ts";

/** Asks the leader for another set of members; resolves when it is committed, or can't be. */
export function changeMembers(options: MemberOptions, change: MemberChange): Promise<Administered> {
  const address = change.is === "add" ? change.address : "";
  return ask(options, metadataService.ChangeMembers, { change: change.is, id: change.id, address });
}

/** Asks the leader to hand over to this voter, or to the one that is furthest; resolves when another leads. */
export function transferLeadership(options: MemberOptions, to: number | null): Promise<Administered> {
  return ask(options, metadataService.Transfer, { to: to ?? 0 });
}

/** Asks the leader to forget the past up to this revision, or up to now. */
export function compactHistory(options: MemberOptions, through: number | null): Promise<Administered> {
  return ask(options, metadataService.Compact, through === null ? {} : { through });
}

async function ask<Request>(
  options: MemberOptions,
  method: RpcMethod<Request, WireAdministered>,
  request: Request,
): Promise<Administered> {
  const client = options.rpc.client(options.address);
  try {
    const { outcome, leader, why } = await client.call(method, request, { timeoutMs: options.timeoutMs });
    if (outcome === "done") return { is: "done" };
    if (outcome === "refused") return { is: "refused", why };
    return outcome === "notLeader" ? { is: "notLeader", leader: leader || null } : { is: "unknown" };
  } finally {
    client.close();
  }
}
