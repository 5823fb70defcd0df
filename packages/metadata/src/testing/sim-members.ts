import { integerBelow, type Random } from "@odradek/kit";

import type { MemberChange } from "../raft/membership.ts";

/** Fewer voters would not survive the loss of one disk. */
const votersMin = 3;

/** A change that an operator could ask for: nodes come as learners, are promoted, and go; one after the other that replaces a node. Null: none now. */
export function drawChange(
  random: Random,
  ids: readonly number[],
  { voters, learners }: { voters: readonly number[]; learners: readonly number[] },
): MemberChange | null {
  const learner = random.next() < 0.5 ? learners[0] : undefined;
  const id = learner ?? ids[integerBelow(random, ids.length)]!;
  if (learners.includes(id)) return { is: random.next() < 0.9 ? "promote" : "remove", id };
  if (!voters.includes(id)) return { is: "add", id, address: `m${id}:1` };
  return voters.length > votersMin ? { is: "remove", id } : null;
}
