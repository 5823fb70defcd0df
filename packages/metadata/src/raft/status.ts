import type { ConsensusStatus } from "./consensus.ts";
import type { RaftCore } from "./core.ts";
import { roomOf } from "./room.ts";
import type { RaftState } from "./state.ts";

export function statusOf({ state }: RaftCore, snapshotIndex: number): ConsensusStatus {
  const { id, term, role, commit, applied, log, voters, learners, cluster } = state;
  const leader = role.is === "leader" ? id : role.is === "follower" ? role.leader : null;
  return {
    id,
    role: roleOf(state),
    term,
    leader,
    commitIndex: commit,
    appliedIndex: applied,
    lastIndex: log.last.index,
    firstIndex: log.base.index + 1,
    snapshotIndex,
    members: [...voters],
    learners: [...learners],
    addresses: { ...cluster?.addresses },
    room: roomOf(state),
    splitAt: role.is === "leader" ? role.splitAt : null,
  };
}

function roleOf({ id, role, standing, floor, isVoter, learners }: Readonly<RaftState>): ConsensusStatus["role"] {
  if (role.is === "leader") return "leader";
  if (!isVoter) return learners.includes(id) ? "learner" : "removed";
  if (standing !== "voter" || floor !== null) return "recovering";
  return role.is === "preCandidate" ? "candidate" : role.is;
}
