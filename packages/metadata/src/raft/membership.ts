import { assert } from "@odradek/kit";

import type { Cluster } from "../store/write.ts";
import { transferLeadership } from "./leading.ts";
import { heardVoters } from "./present.ts";
import { newProgress } from "./progress.ts";
import { majority } from "./quorum.ts";
import { countRound } from "./reads.ts";
import { becomeFollower, type Leader } from "./roles.ts";
import type { RaftState } from "./state.ts";

/*
 * Members change one at a time (Raft §4.1): any majority before a change and any after it have a member in common. A new one comes
 * as a learner, which gets the log and counts for nothing, and is promoted when it has it.
 */

export type MemberChange =
  | { is: "add"; id: number; address: string }
  /** A learner becomes a voter. */
  | { is: "promote"; id: number }
  | { is: "remove"; id: number };

/** Why a change is not even proposed. */
export type ChangeRefusal =
  /** The change before is not committed (RELIABILITY R-15): ask again. */
  | "CHANGE_IN_PROGRESS"
  /** This leader has not committed an entry of its own term yet, or is handing over: ask again. */
  | "LEADER_NOT_READY"
  | "MEMBER_EXISTS"
  | "NO_MEMBER"
  | "NOT_A_LEARNER"
  /** The learner is recovering, silent or too far behind: ask again when it has caught up. */
  | "NOT_CAUGHT_UP"
  | "TOO_MANY_MEMBERS"
  /** Too few of the voters that would stay are there to go on. */
  | "QUORUM_AT_RISK";

/** How long a removed member is still told of its removal, in election timeouts. It harms nobody who was not told. */
const farewellTimeouts = 10;
/** And how long after it has the entry, so that it hears of the commit. */
const farewellHeartbeats = 3;

/** Leader: appends the new configuration, which is in force at once. */
export function changeMembers(
  raft: RaftState,
  change: MemberChange,
): { is: "accepted"; index: number; term: number } | { is: "notLeader" } | { is: "refused"; why: ChangeRefusal } {
  const { role } = raft;
  if (role.is !== "leader") return { is: "notLeader" };
  const why = refusal(raft, role, change);
  if (why !== null) return { is: "refused", why };
  const { cluster: before } = raft.configurations.newest;
  const cluster = changed(before, change);
  const { index, term } = raft.append({ term: raft.term, is: "members", data: Buffer.from(JSON.stringify(cluster)) });
  followMembers(raft, role);
  countRound(raft, role);
  return { is: "accepted", index, term };
}

function refusal(raft: RaftState, role: Leader, change: MemberChange): ChangeRefusal | null {
  const { voters, learners, configurations, limits } = raft;
  const { id } = change;
  if (configurations.newest.index > raft.commit) return "CHANGE_IN_PROGRESS";
  if (role.firstIndex > raft.commit && !raft.planted.changeBeforeOwnTerm) return "LEADER_NOT_READY";
  if (role.transfer) return "LEADER_NOT_READY";
  const isMember = voters.includes(id) || learners.includes(id);
  if (change.is === "add") {
    if (isMember) return "MEMBER_EXISTS";
    return voters.length + learners.length >= limits.membersMax ? "TOO_MANY_MEMBERS" : null;
  }
  if (!isMember) return "NO_MEMBER";
  if (change.is === "promote") {
    if (!learners.includes(id)) return "NOT_A_LEARNER";
    return isCaughtUp(raft, role, id) ? null : "NOT_CAUGHT_UP";
  }
  if (learners.includes(id)) return null;
  const left = voters.filter((voter) => voter !== id);
  const there = heardVoters(raft, role).filter((voter) => voter !== id);
  return left.length === 0 || there.length < majority(left.length) ? "QUORUM_AT_RISK" : null;
}

function isCaughtUp(raft: RaftState, role: Leader, id: number): boolean {
  const progress = role.followers.get(id);
  if (!progress || progress.recovering || raft.nowMs - progress.heardMs >= raft.timing.electionMsMin) return false;
  // Before its first answer we only hope that it is there; the entry that added it it must have.
  if (progress.match < raft.configurations.newest.index) return false;
  return raft.log.last.index - progress.match <= raft.limits.promotionLagMax;
}

function changed({ id, members, learners = [], addresses = {} }: Cluster, change: MemberChange): Cluster {
  const without = (ids: number[]): number[] => ids.filter((each) => each !== change.id);
  switch (change.is) {
    case "add":
      return {
        id,
        members,
        learners: [...learners, change.id],
        addresses: { ...addresses, [change.id]: change.address },
      };
    case "promote":
      return { id, members: [...members, change.id], learners: without(learners), addresses };
    case "remove": {
      const { [change.id]: _gone, ...rest } = addresses;
      return { id, members: without(members), learners: without(learners), addresses: rest };
    }
  }
}

/** Leader: begins with whoever is new, and says goodbye to whoever is not a member any more. */
function followMembers(raft: RaftState, role: Leader): void {
  for (const id of raft.others) {
    role.leaving.delete(id);
    if (!role.followers.has(id)) role.followers.set(id, newProgress(raft.log.last.index + 1, raft.nowMs));
  }
  const untilMs = raft.nowMs + farewellTimeouts * raft.timing.electionMsMax;
  for (const id of role.followers.keys())
    if (!raft.others.includes(id) && !role.leaving.has(id)) role.leaving.set(id, untilMs);
}

/** Leader: time has passed since members, ourselves perhaps, were removed. */
export function farewellTick(raft: RaftState): void {
  if (raft.role.is !== "leader") return;
  dismiss(raft, raft.role);
  leaveOffice(raft, raft.role);
}

/** A removed member that has the entry that says so, and heard a few times that it is committed, needs us no longer. */
function dismiss(raft: RaftState, role: Leader): void {
  const { index } = raft.configurations.newest;
  for (const [id, untilMs] of role.leaving) {
    const knows = role.followers.get(id)!.match >= index && raft.commit >= index;
    if (knows) role.leaving.set(id, Math.min(untilMs, raft.nowMs + farewellHeartbeats * raft.timing.heartbeatMs));
    if (raft.nowMs < untilMs) continue;
    role.leaving.delete(id);
    role.followers.delete(id);
  }
}

/** A leader that was removed manages the cluster until that is committed, then hands over (Raft §4.2.2). */
function leaveOffice(raft: RaftState, role: Leader): void {
  const { index } = raft.configurations.newest;
  if (raft.isVoter || raft.applied < index || role.transfer) return;
  if (role.left) return becomeFollower(raft, raft.term, null);
  role.left = true;
  transferLeadership(raft);
  assert(raft.role === role, "handing over takes a message");
}
