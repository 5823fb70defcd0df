import { bySpace, type Space } from "../store/space.ts";
import { majority } from "./quorum.ts";
import { mayTakeOver, transferLeadership } from "./leading.ts";
import { heardVoters } from "./present.ts";
import type { Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/*
 * Full disks (RELIABILITY R-20). Members tell the leader how much room they have, and clients' writes are refused before they are entries when no
 * majority has any. An entry is taken by everybody, full or not: one that some held back could block all that follow it, and could not be taken
 * out of the log again. A disk that can't write it ends the life of its node. The leader is, if it can be, one that has room.
 */

/** A hand-over that did not succeed is not tried again sooner, in election timeouts: nothing is taken meanwhile. */
const patienceTimeouts = 10;

/** What can be committed: as much as a majority has room for. Nobody knows how much those have that do not answer. */
export function roomOf(raft: Readonly<RaftState>): Space {
  const { role, id, space, voters } = raft;
  if (role.is !== "leader") return space;
  const spaces = heardVoters(raft, role).map((voter) => (voter === id ? space : role.followers.get(voter)!.space));
  return spaces.toSorted(bySpace)[majority(voters.length) - 1] ?? "full";
}

/** Leader: hands over to a voter with more room, of these to the one that is furthest. Without one it stays: reads and sessions go on. */
export function roomTick(raft: RaftState, role: Leader): void {
  if (raft.space === "ok" || role.transfer || raft.nowMs < role.roomierAtMs) return;
  const roomier = [...role.followers].filter(
    ([id, progress]) =>
      mayTakeOver(raft, id, progress) && progress.match >= raft.commit && bySpace(progress.space, raft.space) < 0,
  );
  const best = roomier.toSorted(([, one], [, other]) => bySpace(one.space, other.space) || other.match - one.match)[0];
  if (!best) return;
  role.roomierAtMs = raft.nowMs + patienceTimeouts * raft.timing.electionMsMax;
  transferLeadership(raft, best[0]);
}
