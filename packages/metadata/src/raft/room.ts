import { bySpace, type Space } from "../store/space.ts";
import { majority } from "./quorum.ts";
import { transferLeadership } from "./leading.ts";
import type { Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/*
 * Full disks (RELIABILITY R-20). Members tell the leader how much room they have. One that is full takes no large entry, as if it were lost
 * on the way, and goes on to answer: the others commit without it, and it gets what it missed once there is room. The leader is, if it can be,
 * one that has room.
 */

/** A hand-over that did not succeed is not tried again sooner, in election timeouts: nothing is taken meanwhile. */
const patienceTimeouts = 10;

/** What can be committed: as much as our own disk and those of a majority have room for. */
export function roomOf(raft: Readonly<RaftState>): Space {
  const { role, id, space, voters } = raft;
  if (role.is !== "leader") return space;
  const spaces = voters.map((voter) => (voter === id ? space : (role.followers.get(voter)?.space ?? "ok")));
  const quorum = spaces.toSorted(bySpace)[majority(voters.length) - 1] ?? "ok";
  return bySpace(space, quorum) > 0 ? space : quorum;
}

/** Leader: hands over to a voter with more room. Without one it stays: reads and sessions go on. */
export function roomTick(raft: RaftState, role: Leader): void {
  if (raft.space === "ok" || role.transfer || raft.nowMs < role.roomierAtMs) return;
  let best: { id: number; space: Space } = { id: raft.id, space: raft.space };
  for (const [id, { space, match, recovering }] of role.followers) {
    const isCaughtUp = recovering === null && match >= raft.commit && raft.voters.includes(id);
    if (isCaughtUp && bySpace(space, best.space) < 0) best = { id, space };
  }
  if (best.id === raft.id) return;
  role.roomierAtMs = raft.nowMs + patienceTimeouts * raft.timing.electionMsMax;
  transferLeadership(raft, best.id);
}
