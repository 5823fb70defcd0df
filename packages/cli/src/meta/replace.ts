import type { MemberInfo } from "@odradek/metadata/client";
import { confirm } from "../terminal/confirm.ts";
import { Failure } from "../terminal/failure.ts";
import { tell } from "../terminal/output.ts";
import { change, checkAddress, type Common } from "./members.ts";
import { askMembers, leaderOf } from "./status.ts";
import { membersOf } from "./target.ts";

/** `id` goes, `with` comes. */
export type Replacement = { id: number; with: number; address: string };

/**
 * Adds the new member, waits until it has everything, lets it vote and removes the old one: never fewer voters than before. Each step looks first
 * whether it is done, so the same command goes on wherever another one stopped.
 */
export async function replaceMember(options: Common & Replacement & { yes: boolean }): Promise<void> {
  const { id, with: next, address, yes } = options;
  checkAddress(address);
  if (id === next)
    throw new Failure("usage", `member ${id} can't replace itself: a node that lost its disk starts with its own id`);
  const before = await membersNow(options);
  const present = before.find((member) => member.id === next);
  const votes = present?.learner === false;
  if (present && present.address !== address)
    throw new Failure("conflict", `there is a member ${next} already, at ${present.address}`);
  if (!before.some((member) => member.id === id)) {
    if (votes) return tell(`${id} is no member, and member ${next} votes: nothing is left to do`);
    throw new Failure("notFound", `there is no member ${id}`);
  }
  // Whoever was not added did not come to replace anybody.
  if (votes && !present.added)
    throw new Failure("conflict", `member ${next} has voted from the beginning: nobody would come for member ${id}`);
  await confirm(
    votes
      ? `member ${next} votes already: remove member ${id}`
      : `replace member ${id} by member ${next} at ${address}`,
    yes,
  );
  try {
    if (!present) await change(options, { is: "add", id: next, address });
    if (!votes) {
      tell(`member ${next} is a learner; waiting until it has everything. If it does not run, start it with --join`);
      await change(options, { is: "promote", id: next });
    }
    tell(`member ${next} votes`);
    await change(options, { is: "remove", id });
  } catch (error) {
    tell("not finished: the same command goes on from here");
    throw error;
  }
  tell(`member ${id} is removed: its process can be stopped, and its data deleted`);
}

async function membersNow(options: Common): Promise<MemberInfo[]> {
  const leader = leaderOf(await askMembers(membersOf(options)));
  if (!leader) throw new Failure("cannotConnect", "no member leads");
  return leader.status!.memberList;
}
