import { assert } from "@odradek/kit";

/** How many of `members` nodes are a majority. */
export const majority = (members: number): number => Math.floor(members / 2) + 1;

/** The highest index that a majority has reached; one number per member. */
export function reachedByMajority(indexes: readonly number[]): number {
  assert(indexes.length > 0, "a quorum has members");
  return indexes.toSorted((a, b) => b - a)[majority(indexes.length) - 1]!;
}

/** How a vote stands; members who did not answer are still open, except the `dead`: theirs are not waited for. */
export function voteOutcome(
  votes: ReadonlyMap<number, boolean>,
  options: { members: number; dead: ReadonlySet<number> },
): "won" | "lost" | "open" {
  const { members, dead } = options;
  let granted = 0;
  for (const vote of votes.values()) if (vote) granted++;
  if (granted >= majority(members)) return "won";
  const silent = [...dead].filter((id) => !votes.has(id)).length;
  const open = members - votes.size - silent;
  return granted + open < majority(members) ? "lost" : "open";
}
