import type { Checkpoint } from "../store/state-digest.ts";
import { heardVoters } from "./present.ts";
import { majority } from "./quorum.ts";
import type { Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/*
 * Replicas that applied the same entries have the same rows (RELIABILITY R-26). Every so many entries each takes the digest of its state and
 * tells the leader with its next reply. Whoever has another digest than a majority of the voters stops, and gets the state from the others.
 * Without a majority, all voters that answer counted, nobody can tell who is right: that is said, and nothing is guessed.
 */

export function noteOwnCheckpoint(raft: RaftState, checkpoint: Checkpoint): void {
  raft.checkpoints.note(checkpoint);
  if (raft.role.is === "leader") compare(raft, raft.role, checkpoint.index);
}

/** Leader: a follower told its newest one. */
export function noteCheckpoint(raft: RaftState, role: Leader, from: number, checkpoint: Checkpoint | null): void {
  if (checkpoint && role.followers.get(from)!.checkpoints.note(checkpoint)) compare(raft, role, checkpoint.index);
}

/** The leader says that a majority has another state than ours. */
export function onDiverged(raft: RaftState, message: { term: number; checkpoint: Checkpoint }): void {
  const { index, digest } = message.checkpoint;
  const own = raft.checkpoints.at(index);
  if (message.term === raft.term && own !== null && !own.equals(digest)) raft.verdict = { is: "diverged", index };
}

function compare(raft: RaftState, role: Leader, index: number): void {
  const digests = new Map<number, Buffer>();
  for (const [id, { checkpoints }] of [[raft.id, raft] as const, ...role.followers]) {
    const digest = checkpoints.at(index);
    if (digest) digests.set(id, digest);
  }
  const told = raft.voters.flatMap((id) => digests.get(id) ?? []);
  const agreed = told.find(
    (digest) => told.filter((other) => other.equals(digest)).length >= majority(raft.voters.length),
  );
  if (!agreed) {
    // Whoever may still tell can make a majority of one of them.
    const isOpen = heardVoters(raft, role).some((id) => !digests.has(id));
    if (isOpen || told.every((digest) => digest.equals(told[0]!))) return;
    role.splitAt = index;
    raft.verdict = { is: "split", index };
    return;
  }
  if (index > (role.splitAt ?? 0)) role.splitAt = null;
  for (const [id, digest] of digests) {
    if (digest.equals(agreed)) continue;
    if (id === raft.id) raft.verdict = { is: "diverged", index };
    else raft.tell(id, { is: "diverged", term: raft.term, checkpoint: { index, digest: agreed } });
  }
}
