import { majority } from "./quorum.ts";
import type { Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/** A round that begins after now; rounds are numbered within a term, so (term, round) is unique (RELIABILITY R-18). */
export function requestRound(role: Leader): number {
  role.roundWanted = true;
  return role.round + 1;
}

/** Asks for a point in the log after which a read sees everything that was answered before this call. */
export function read(raft: RaftState, context: number): void {
  const { role } = raft;
  if (role.is !== "leader" || role.transfer || role.reads.length >= raft.limits.readsMax) {
    raft.reads.refused.push(context);
    return;
  }
  // Before the first entry of our term is committed we do not know what is (RELIABILITY R-05).
  const index = Math.max(raft.commit, role.firstIndex);
  role.reads.push({ context, round: requestRound(role), index });
}

/** A majority, ourselves included, still had us as its leader after the round began. Recovering nodes are no witnesses. */
export function countRound(raft: RaftState, role: Leader): void {
  const answered = raft.voters.filter((id) => {
    const progress = role.followers.get(id);
    return progress ? !progress.recovering && progress.round >= role.round : id === raft.id;
  });
  if (answered.length < majority(raft.voters.length)) return;
  role.confirmedRound = role.round;
  for (const progress of role.followers.values()) {
    const { recovering } = progress;
    if (recovering && recovering.until === null && recovering.round <= role.confirmedRound)
      recovering.until = recovering.lastIndex;
  }
}

/** Gives out the reads that are confirmed and whose entries have been handed over. */
export function flushReads(raft: RaftState): void {
  const { role } = raft;
  if (role.is !== "leader") return;
  while (role.reads[0] && role.reads[0].round <= role.confirmedRound && role.reads[0].index <= raft.applied)
    raft.reads.served.push(role.reads.shift()!.context);
}
