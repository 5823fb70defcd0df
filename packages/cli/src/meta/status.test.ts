import type { MemberStatus } from "@odradek/metadata/client";
import { expect, it } from "vitest";
import { askMembers } from "./status.ts";

const at = (id: number): string => `m${id}:1`;

/** Member 1 leads a quorum of these, each where `places` says. */
function status(id: number, places: Readonly<Record<number, string>>): MemberStatus {
  const memberList = Object.entries(places).map(([member, address]) => ({
    ...{ id: Number(member), address },
    ...{ learner: false, added: true },
  }));
  return { id, role: id === 1 ? "leader" : "follower", memberList } as unknown as MemberStatus;
}

/** Who answers at which address. */
const answering = (statuses: Readonly<Record<string, MemberStatus>>) => (address: string) =>
  Promise.resolve(statuses[address] ?? null);

async function seen(asked: readonly number[], ask: ReturnType<typeof answering>): Promise<string[]> {
  const rows = await askMembers(new Map(asked.map((id) => [id, at(id)])), ask);
  return rows.map(({ member, address, status: answer }) => `${member} ${address} ${answer?.role ?? "DOWN"}`);
}

it("leaves out a member that was replaced, and asks the one that came for it", async () => {
  const places = { 1: at(1), 3: at(3), 4: at(4) };
  const statuses = { [at(1)]: status(1, places), [at(3)]: status(3, places), [at(4)]: status(4, places) };
  const now = ["1 m1:1 leader", "3 m3:1 follower", "4 m4:1 follower"];
  expect(await seen([1, 2, 3], answering(statuses))).toEqual(now);
  const stale = { ...status(2, places), role: "removed" as const };
  expect(await seen([1, 2, 3], answering({ ...statuses, [at(2)]: stale }))).toEqual(now);
});

it("does not take another member at its address for a member that is not there", async () => {
  const places = { 1: at(1), 2: at(2), 4: at(1) };
  const ask = answering({ [at(1)]: status(1, places), [at(2)]: status(2, places) });
  expect(await seen([1, 2], ask)).toEqual(["1 m1:1 leader", "2 m2:1 follower", "4 m1:1 DOWN"]);
});

it("takes the id of whoever answers, where ids were not named", async () => {
  const places = { 5: at(5), 1: at(1) };
  const ask = answering({ [at(5)]: status(5, places), [at(1)]: status(1, places) });
  const rows = await askMembers(new Map([[1, at(5)]]), ask);
  expect(rows.map(({ member, address }) => `${member} ${address}`)).toEqual(["1 m1:1", "5 m5:1"]);
});

it("keeps whom it was told of while nobody leads", async () => {
  const follower = status(2, { 2: at(2), 3: at(3) });
  expect(await seen([1, 2], answering({ [at(2)]: follower }))).toEqual([
    "1 m1:1 DOWN",
    "2 m2:1 follower",
    "3 m3:1 DOWN",
  ]);
});
