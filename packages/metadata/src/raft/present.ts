import { majority } from "./quorum.ts";
import type { Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/** A leader's voters that count and spoke lately, ourselves among them. */
export function heardVoters(raft: Readonly<RaftState>, role: Leader): number[] {
  return raft.voters.filter((id) => {
    if (id === raft.id) return true;
    const progress = role.followers.get(id);
    return progress && !progress.recovering && raft.nowMs - progress.heardMs < raft.timing.electionMsMax;
  });
}

/** Whether the others go on without this node, and can repair it. A follower hears only its leader: `reaches` says who else is there. */
export function isDispensable(raft: Readonly<RaftState>, reaches: (peer: number) => boolean): boolean {
  const { role, id, voters } = raft;
  if (role.is !== "leader" && (role.is !== "follower" || role.leader === null)) return false;
  const present = role.is === "leader" ? heardVoters(raft, role) : voters.filter(reaches);
  return present.filter((other) => other !== id).length >= majority(voters.length);
}
