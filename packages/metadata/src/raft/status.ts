import type { ConsensusStatus } from "./consensus.ts";
import type { RaftCore } from "./core.ts";

export function statusOf({ state }: RaftCore, snapshotIndex: number): ConsensusStatus {
  const { id, term, role, standing, commit, applied, log, members } = state;
  const leader = role.is === "leader" ? id : role.is === "follower" ? role.leader : null;
  return {
    id,
    role: standing === "voter" ? (role.is === "preCandidate" ? "candidate" : role.is) : "recovering",
    term,
    leader,
    commitIndex: commit,
    appliedIndex: applied,
    lastIndex: log.last.index,
    firstIndex: log.base.index + 1,
    snapshotIndex,
    members: [...members],
  };
}
