import { ErrorCode } from "@odradek/protocol";
import type { Desk } from "./desk.ts";
import { type Member, syncFailed } from "./member.ts";
import type { Group } from "./state.ts";
import { joinTimer, sessionTimer, syncTimer } from "./timers.ts";

/** A new member whose client went away while its first join waited is kept no longer than this (Kafka's constant). */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;

/** Starts a member's session time anew. */
export function restartSession(desk: Desk, group: Group, member: Member, timeoutMs = member.sessionTimeoutMs): void {
  desk.timers.set(sessionTimer(group.id, member.id), timeoutMs, () => sessionExpired(desk, group, member));
}

export function endSession(desk: Desk, group: Group, memberId: string): void {
  desk.timers.cancel(sessionTimer(group.id, memberId));
}

/** While a join waits the member is silent; its session stands still, but a new one's only so long. */
export function parkedInJoin(desk: Desk, group: Group, member: Member): void {
  if (member.isNew) restartSession(desk, group, member, NEW_MEMBER_JOIN_TIMEOUT_MS);
  else endSession(desk, group, member.id);
}

function sessionExpired(desk: Desk, group: Group, member: Member): void {
  if (group.members.get(member.id) !== member) return;
  if (!member.isNew && (member.isAwaitingJoin || member.isAwaitingSync)) return;
  desk.logger.info({ group: group.id, member: member.id }, "a member's session has expired");
  removeMember(desk, group, member.id);
  membershipChanged(desk, group);
}

export function removeMember(desk: Desk, group: Group, memberId: string): void {
  endSession(desk, group, memberId);
  group.remove(memberId);
}

/** Somebody came, changed or went: a rebalance begins, or the one under way may now be complete. */
export function membershipChanged(desk: Desk, group: Group): void {
  switch (group.state) {
    case "Stable":
    case "CompletingRebalance":
      return prepareRebalance(desk, group);
    case "Empty":
      if (group.members.size > 0) prepareRebalance(desk, group);
      return;
    case "PreparingRebalance":
      if (!group.isInitialRebalance && group.hasAllJoined) completeJoin(desk, group);
      return;
    case "Dead":
      return;
  }
}

/** Everybody is asked to join again; they learn it from their heartbeats. */
export function prepareRebalance(desk: Desk, group: Group): void {
  if (group.state === "CompletingRebalance") refuseSyncs(desk, group, ErrorCode.REBALANCE_IN_PROGRESS);
  desk.timers.cancel(syncTimer(group.id));
  group.enter("PreparingRebalance", desk.clock.wallMs());
  if (!group.isInitialRebalance) return completeOrWait(desk, group);
  const delayMs = desk.limits.initialRebalanceDelayMs;
  group.hasNewMember = false;
  const restMs = Math.max(group.rebalanceTimeoutMs - delayMs, 0);
  desk.timers.set(joinTimer(group.id), delayMs, () => initialDelayOver(desk, group, delayMs, restMs));
}

/** Each newcomer extends the first rebalance by the delay, at most to the rebalance timeout (KIP-134). */
function initialDelayOver(desk: Desk, group: Group, delayMs: number, restMs: number): void {
  if (!group.hasNewMember || restMs === 0) return completeJoin(desk, group);
  group.hasNewMember = false;
  const nextDelayMs = Math.min(desk.limits.initialRebalanceDelayMs, restMs);
  const nextRestMs = Math.max(restMs - delayMs, 0);
  desk.timers.set(joinTimer(group.id), nextDelayMs, () => initialDelayOver(desk, group, nextDelayMs, nextRestMs));
}

function completeOrWait(desk: Desk, group: Group): void {
  if (group.hasAllJoined) completeJoin(desk, group);
  else desk.timers.set(joinTimer(group.id), group.rebalanceTimeoutMs, () => completeJoin(desk, group));
}

/** Ends the join phase: who has not come back is out, everybody else gets the new generation. Static members keep their place. */
function completeJoin(desk: Desk, group: Group): void {
  desk.timers.cancel(joinTimer(group.id));
  for (const member of [...group.members.values()])
    if (!member.isAwaitingJoin && member.instanceId === null) removeMember(desk, group, member.id);
  if (group.members.size > 0 && !group.electJoinedLeader()) {
    // Only static members are left and none has come back: their sessions decide, not we.
    desk.timers.set(joinTimer(group.id), group.rebalanceTimeoutMs, () => completeJoin(desk, group));
    return;
  }
  group.beginGeneration(desk.clock.wallMs());
  if (group.state === "Empty") {
    void desk.persist([{ is: "group", group: group.id, value: group.snapshot() }]);
    return;
  }
  for (const member of [...group.members.values()]) {
    member.answerJoin(group.joinedAnswer(member.id, { withMembers: group.isLeader(member.id) }));
    member.isNew = false;
    restartSession(desk, group, member);
    group.pendingSyncs.add(member.id);
  }
  const { generation } = group;
  desk.timers.set(syncTimer(group.id), group.rebalanceTimeoutMs, () => syncPhaseOver(desk, group, generation));
}

/** Members that did not ask for their assignment in time are out. */
function syncPhaseOver(desk: Desk, group: Group, generation: number): void {
  if (group.generation !== generation || group.pendingSyncs.size === 0) return;
  if (group.state !== "CompletingRebalance" && group.state !== "Stable") return;
  for (const memberId of [...group.pendingSyncs]) removeMember(desk, group, memberId);
  prepareRebalance(desk, group);
}

/** The member has asked for its assignment. */
export function syncArrived(desk: Desk, group: Group, memberId: string): void {
  group.pendingSyncs.delete(memberId);
  if (group.pendingSyncs.size === 0) desk.timers.cancel(syncTimer(group.id));
}

function refuseSyncs(desk: Desk, group: Group, errorCode: ErrorCode): void {
  for (const member of group.members.values()) {
    if (!member.isAwaitingSync) continue;
    restartSession(desk, group, member);
    member.answerSync(syncFailed(errorCode));
  }
}
