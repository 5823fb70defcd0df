import { listSessions, memberStatus, type MemberStatus } from "@odradek/metadata/client";
import { Failure } from "../terminal/failure.ts";
import { rpc } from "./connection.ts";

export type MemberRow = { member: number; address: string; status: MemberStatus | null };

type Ask = (address: string) => Promise<MemberStatus | null>;

const memberTimeoutMs = 2000;

/**
 * Asks every member how it sees itself; null for one that does not answer. Those that were added since we were told of the members are asked
 * too, where the others say that they are. Whoever answers says who it is: it need not be the one that was looked for at its address. As soon as a
 * leader says who belongs to the quorum, the rest is left out.
 */
export async function askMembers(
  members: ReadonlyMap<number, string>,
  ask: Ask = (address) => memberStatus({ address, rpc, timeoutMs: memberTimeoutMs }).catch(() => null),
): Promise<MemberRow[]> {
  const rows = new Map<number, MemberRow>();
  const look = async (places: readonly (readonly [number, string])[]): Promise<void> => {
    const seen = await Promise.all(places.map(async ([id, address]) => ({ id, address, status: await ask(address) })));
    for (const { id, address, status } of seen) {
      const member = status?.id ?? id;
      const known = rows.get(member);
      if (!known || (!known.status && status)) rows.set(member, { member, address, status });
    }
  };
  await look([...members]);
  const told = new Map(
    [...rows.values()].flatMap(({ status }) => status?.memberList ?? []).map((one) => [one.id, one]),
  );
  const isElsewhere = ({ id, address }: { id: number; address: string }): boolean =>
    address !== "" && !rows.get(id)?.status && rows.get(id)?.address !== address;
  const elsewhere = [...told.values()].filter(isElsewhere);
  await look(elsewhere.map(({ id, address }) => [id, address] as const));
  for (const { id, address } of told.values()) if (!rows.has(id)) rows.set(id, { member: id, address, status: null });
  return ofQuorum([...rows.values()]).toSorted((one, other) => one.member - other.member);
}

/** A leader that was removed leads until another one does. */
function ofQuorum(rows: readonly MemberRow[]): MemberRow[] {
  const leader = leaderOf(rows);
  if (!leader) return [...rows];
  const ids = new Set(leader.status!.memberList.map(({ id }) => id));
  return rows.filter((row) => row === leader || ids.has(row.member));
}

export const leaderOf = (rows: readonly MemberRow[]): MemberRow | null =>
  rows.find(({ status }) => status?.role === "leader") ?? null;

/** The sessions as the leader knows them: only it knows which are attached. */
export async function sessionsOfLeader(members: ReadonlyMap<number, string>) {
  const leader = leaderOf(await askMembers(members));
  if (!leader) throw new Failure("cannotConnect", `none of ${[...members.values()].join(", ")} leads`);
  return listSessions({ address: leader.address, rpc, timeoutMs: memberTimeoutMs });
}
