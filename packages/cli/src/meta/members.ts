import { setTimeout as sleep } from "node:timers/promises";
import { type Administered, changeMembers, type MemberChange, type MemberOptions } from "@odradek/metadata/client";
import { compactHistory, transferLeadership } from "@odradek/metadata/client";
import { confirm } from "../terminal/confirm.ts";
import { Failure, type FailureKind } from "../terminal/failure.ts";
import { type OutputOptions, printList, tell } from "../terminal/output.ts";
import { rpc } from "./connection.ts";
import { askMembers, leaderOf, type MemberRow } from "./status.ts";
import { membersOf, type MetaOptions, timeoutMsOf } from "./target.ts";

export type Common = MetaOptions & OutputOptions;

const pauseMs = 200;
/** A leader answers a change when it is committed, which a slow disk may delay. */
const callMs = 5_000;

export async function listMembers(options: Common): Promise<void> {
  const asked = await askMembers(membersOf(options));
  const leader = leaderOf(asked);
  const told = (leader ?? newest(asked))?.status;
  if (!told) throw new Failure("cannotConnect", "no metadata node answers");
  const rows = told.memberList.map(({ id, address, learner }) => {
    const row = asked.find(({ member }) => member === id);
    const status = row?.status ?? null;
    return {
      member: id,
      address: row?.address ?? (address === "" ? null : address),
      votes: !learner,
      state: status?.role ?? "DOWN",
      behind: status && leader ? Math.max(0, leader.status!.lastIndex - status.lastIndex) : null,
    };
  });
  await printList(rows, options, [
    ["MEMBER", ({ member }) => member],
    ["ADDRESS", ({ address }) => address],
    ["VOTES", ({ votes }) => (votes ? "yes" : "no")],
    ["STATE", ({ state }) => state],
    ["BEHIND", ({ behind }) => behind],
  ]);
  if (!leader) throw new Failure("unhealthy", "no member leads");
}

function newest(rows: readonly MemberRow[]): MemberRow | undefined {
  return rows.filter(({ status }) => status).toSorted((a, b) => b.status!.appliedIndex - a.status!.appliedIndex)[0];
}

export async function addMember(options: Common & { id: number; address: string }): Promise<void> {
  const { id, address } = options;
  checkAddress(address);
  await change(options, { is: "add", id, address });
  tell(`member ${id} is a learner: start it with --join, then \`odradek meta members promote ${id}\``);
}

export async function promoteMember(options: Common & { id: number }): Promise<void> {
  await change(options, { is: "promote", id: options.id });
  tell(`member ${options.id} votes`);
}

export async function removeMember(options: Common & { id: number; yes: boolean }): Promise<void> {
  const status = leaderOf(await askMembers(membersOf(options)))?.status;
  // Without a leader the change itself waits for one, and fails as it must.
  if (status && !status.memberList.some(({ id }) => id === options.id)) throw refusal("NO_MEMBER");
  await confirm(`remove member ${options.id} from the quorum`, options.yes);
  await change(options, { is: "remove", id: options.id });
  tell(`member ${options.id} is removed: its process can be stopped, and its data deleted`);
}

export async function transfer(options: Common & { id: number | undefined }): Promise<void> {
  const { id } = options;
  const before = leaderOf(await askMembers(membersOf(options)));
  if (id !== undefined && before?.member === id) return tell(`member ${id} leads already`);
  await atLeader(options, (leader) => transferLeadership(leader, id ?? null));
  tell(id === undefined ? `member ${before?.member} leads no more` : `member ${id} leads`);
}

export async function compact(options: Common & { rev: number | undefined }): Promise<void> {
  const { rev = null } = options;
  const oldest = leaderOf(await askMembers(membersOf(options)))?.status?.oldestRevision ?? 0;
  await atLeader(options, (leader) => compactHistory(leader, rev));
  tell(forgotten(rev, oldest));
}

/** What a compaction came to; `oldest` could be read before it. */
export function forgotten(rev: number | null, oldest: number): string {
  if (rev === null) return "the past is forgotten";
  if (rev > oldest) return `revisions before ${rev} are forgotten`;
  return `nothing was left to forget: the oldest revision that can be read is ${oldest} already`;
}

export function checkAddress(address: string): void {
  if (!/^\S+:\d+$/.test(address)) throw new Failure("usage", `not an address: ${address} (host:port)`);
}

export const change = (options: Common, wanted: MemberChange): Promise<void> =>
  atLeader(options, (leader) => changeMembers(leader, wanted));

/** What a change that was done already is refused with. */
const doneBefore: ReadonlySet<string> = new Set(["MEMBER_EXISTS", "NO_MEMBER", "NOT_A_LEARNER"]);
/** What passes by itself. */
const passing: ReadonlySet<string> = new Set(["LEADER_NOT_READY", "NOT_CAUGHT_UP", "BUSY"]);

/** Finds the leader and asks it until it has done it, or says why it never will. */
async function atLeader(options: Common, ask: (leader: MemberOptions) => Promise<Administered>): Promise<void> {
  const untilMs = performance.now() + timeoutMsOf(options);
  let last = "no member leads";
  // An answer that got lost: what we asked for may be done.
  let isOpen = false;
  for (;;) {
    const leader = leaderOf(await askMembers(membersOf(options)));
    const answer = leader && (await answerOf(leader, ask));
    if (answer?.is === "done") return;
    if (answer?.is === "refused" && isOpen && doneBefore.has(answer.why)) return;
    if (answer?.is === "refused" && !passing.has(answer.why)) throw refusal(answer.why);
    if (answer?.is === "unknown") isOpen = true;
    if (answer?.is === "refused") last = words[answer.why]?.[1] ?? answer.why;
    if (performance.now() > untilMs) throw new Failure(leader ? "timeout" : "cannotConnect", last);
    await sleep(pauseMs);
  }
}

async function answerOf(
  leader: MemberRow,
  ask: (leader: MemberOptions) => Promise<Administered>,
): Promise<Administered> {
  try {
    return await ask({ address: leader.address, rpc, timeoutMs: callMs });
  } catch {
    return { is: "unknown" };
  }
}

const words: Record<string, [FailureKind, string]> = {
  CHANGE_IN_PROGRESS: ["conflict", "another change of the members is not committed yet: members change one at a time"],
  LEADER_NOT_READY: ["unhealthy", "the leader is new, or about to hand over"],
  MEMBER_EXISTS: ["conflict", "there is a member with this id"],
  ADDRESS_TAKEN: ["conflict", "another member is at this address"],
  NO_MEMBER: ["notFound", "there is no member with this id"],
  NOT_A_LEARNER: ["conflict", "this member votes already"],
  NOT_CAUGHT_UP: ["timeout", "the learner does not run, or does not have everything yet"],
  TOO_MANY_MEMBERS: ["conflict", "there are as many members as there can be: remove one first"],
  QUORUM_AT_RISK: ["unhealthy", "too few of the members that would be left are there to go on"],
  NOT_TAKEN: ["runtime", "nobody took over: the member is no voter, or does not answer"],
  FUTURE_REVISION: ["notFound", "there is no such revision yet"],
  BAD_REQUEST: ["usage", "the leader does not understand: an id is a number from 1 on, an address is host:port"],
};

function refusal(why: string): Failure {
  const [kind, text] = words[why] ?? ["runtime", why];
  return new Failure(kind, text);
}
