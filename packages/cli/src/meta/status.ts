import { listSessions, memberStatus, type MemberStatus } from "@odradek/metadata/client";
import { Failure } from "../terminal/failure.ts";
import { rpc } from "./connection.ts";

export type MemberRow = { member: number; address: string; status: MemberStatus | null };

const memberTimeoutMs = 2000;

/** Asks every member how it sees itself; null for one that does not answer. */
export function askMembers(members: ReadonlyMap<number, string>, timeoutMs = memberTimeoutMs): Promise<MemberRow[]> {
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
