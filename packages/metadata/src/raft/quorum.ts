import { assert } from "@odradek/kit";

/** How many of `members` nodes are a majority. */
export const majority = (members: number): number => Math.floor(members / 2) + 1;

/** The highest index that a majority has reached; one number per member. */
export function reachedByMajority(indexes: readonly number[]): number {
  assert(indexes.length > 0, "a quorum has members");
  return indexes.toSorted((a, b) => b - a)[majority(indexes.length) - 1]!;
}

/**
 * How a vote stands. Only what voters say counts (RELIABILITY R-16: everyone may answer). Those who did not answer are still open,
 * except the `dead`: theirs are not waited for.
 */
export function voteOutcome(
  votes: ReadonlyMap<number, boolean>,
  options: { voters: readonly number[]; dead: ReadonlySet<number> },
): "won" | "lost" | "open" {
  const { voters, dead } = options;
  const needed = majority(voters.length);
  const granted = voters.filter((id) => votes.get(id) === true).length;
  if (granted >= needed) return "won";
  const open = voters.filter((id) => !votes.has(id) && !dead.has(id)).length;
  return granted + open < needed ? "lost" : "open";
}
