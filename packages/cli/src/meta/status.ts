import { listSessions, memberStatus, type MemberStatus } from "@odradek/metadata/client";
import { Failure } from "../terminal/failure.ts";
import { rpc } from "./connection.ts";

export type MemberRow = { member: number; address: string; status: MemberStatus | null };

const memberTimeoutMs = 2000;

/**
 * Asks every member how it sees itself; null for one that does not answer. Those that were added since we were told of the members are asked
 * too, where the others say that they are.
 */
export async function askMembers(
  members: ReadonlyMap<number, string>,
  timeoutMs = memberTimeoutMs,
): Promise<MemberRow[]> {
  const rows = await ask(members, timeoutMs);
  const added = new Map<number, string>();
  for (const { status } of rows)
    for (const { id, address } of status?.memberList ?? [])
      if (!members.has(id) && address !== "") added.set(id, address);
  return [...rows, ...(await ask(added, timeoutMs))];
}

function ask(members: ReadonlyMap<number, string>, timeoutMs: number): Promise<MemberRow[]> {
  return Promise.all(
    [...members].map(async ([member, address]) => {
      const status = await memberStatus({ address, rpc, timeoutMs }).catch(() => null);
      return { member, address, status };
    }),
  );
}

export const leaderOf = (rows: readonly MemberRow[]): MemberRow | null =>
  rows.find(({ status }) => status?.role === "leader") ?? null;

/** The sessions as the leader knows them: only it knows which are attached. */
export async function sessionsOfLeader(members: ReadonlyMap<number, string>) {
  const leader = leaderOf(await askMembers(members));
  if (!leader) throw new Failure("cannotConnect", `none of ${[...members.values()].join(", ")} leads`);
  return listSessions({ address: leader.address, rpc, timeoutMs: memberTimeoutMs });
}
