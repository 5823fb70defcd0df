import { ErrorCode } from "@odradek/protocol";
import { type Desk, newMemberId } from "./desk.ts";
import { joinFailed, type Joined, Member, type MemberFacts } from "./member.ts";
import { endSession, membershipChanged, parkedInJoin, prepareRebalance, restartSession } from "./rebalance.ts";
import type { Group } from "./state.ts";
import { sessionTimer } from "./timers.ts";

/** A JoinGroup. Its byte slices are the coordinator's own. */
export type Join = MemberFacts & {
  readonly groupId: string;
  readonly protocolType: string;
  /** From JoinGroup v4 on a new member first gets an id and comes back with it (KIP-394, G-03). */
  readonly mustKnowItsId: boolean;
  /** From v9 on a returning leader can be told not to assign anew (KIP-814). */
  readonly canSkipAssignment: boolean;
};

/** The answer of a join that is superseded by a newer one of the same member. */
const SUPERSEDED = joinFailed(ErrorCode.REBALANCE_IN_PROGRESS);

/** Decides about a JoinGroup; the answer comes when the generation is complete. `group` exists and knows nothing of the join yet. */
export function join(desk: Desk, group: Group, request: Join): Promise<Joined> {
  const refused = refusal(desk, group, request);
  if (refused !== ErrorCode.NONE) return answered(refused, request.id);
  if (request.id !== "") return joinKnown(desk, group, request);
  return request.instanceId === null
    ? joinNew(desk, group, request)
    : joinStatic(desk, group, request, request.instanceId);
}

const answered = (errorCode: ErrorCode, memberId: string): Promise<Joined> =>
  Promise.resolve(joinFailed(errorCode, memberId));

function refusal(desk: Desk, group: Group, request: Join): ErrorCode {
  if (group.state === "Dead") return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  if (!hasPlace(desk, group, request)) return ErrorCode.GROUP_MAX_SIZE_REACHED;
  if (!group.supports(request.protocolType, request.protocols)) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  return ErrorCode.NONE;
}

function hasPlace(desk: Desk, group: Group, { id: memberId, instanceId }: Join): boolean {
  const { membersMax } = desk.limits;
  // Who takes over a static member's place adds nobody.
  if (instanceId !== null && group.staticMembers.has(instanceId)) return true;
  switch (group.state) {
    case "PreparingRebalance":
      return group.members.get(memberId)?.isAwaitingJoin === true || group.awaitingJoin < membersMax;
    case "CompletingRebalance":
    case "Stable":
      return group.members.has(memberId) || group.members.size < membersMax;
    case "Empty":
    case "Dead":
      return true;
  }
}

function joinNew(desk: Desk, group: Group, request: Join): Promise<Joined> {
  const id = newMemberId(desk, request.clientId);
  if (!request.mustKnowItsId) return addMember(desk, group, { ...request, id });
  group.pendingJoins.add(id);
  desk.timers.set(sessionTimer(group.id, id), request.sessionTimeoutMs, () => {
    group.pendingJoins.delete(id);
    membershipChanged(desk, group);
  });
  return answered(ErrorCode.MEMBER_ID_REQUIRED, id);
}

function joinKnown(desk: Desk, group: Group, request: Join): Promise<Joined> {
  if (group.pendingJoins.has(request.id)) return addMember(desk, group, request);
  const invalid = group.validate(request.id, request.instanceId);
  if (invalid !== ErrorCode.NONE) return answered(invalid, request.id);
  const member = group.members.get(request.id)!;
  switch (group.state) {
    case "PreparingRebalance":
      return rejoin(desk, group, member, request);
    case "CompletingRebalance":
      // The answer to its first join may have been lost: the same generation again, unless it says something new.
      return member.speaks(request.protocols)
        ? currentGeneration(desk, group, member, group.isLeader(member.id))
        : rejoin(desk, group, member, request);
    case "Stable":
      // A leader that joins again wants to assign anew, for example because its topics got more partitions.
      return group.isLeader(member.id) || !member.speaks(request.protocols)
        ? rejoin(desk, group, member, request)
        : currentGeneration(desk, group, member, false);
    case "Empty":
    case "Dead":
      return answered(ErrorCode.UNKNOWN_MEMBER_ID, request.id);
  }
}

function currentGeneration(desk: Desk, group: Group, member: Member, withMembers: boolean): Promise<Joined> {
  restartSession(desk, group, member);
  return Promise.resolve(group.joinedAnswer(member.id, { withMembers }));
}

function addMember(desk: Desk, group: Group, facts: Join): Promise<Joined> {
  const member = new Member(facts);
  member.isNew = true;
  if (group.isInitialRebalance) group.hasNewMember = true;
  group.add(member, facts.protocolType);
  const answer = member.awaitJoin(SUPERSEDED);
  parkedInJoin(desk, group, member);
  membershipChanged(desk, group);
  return answer;
}

function rejoin(desk: Desk, group: Group, member: Member, request: Join): Promise<Joined> {
  const answer = update(member, request);
  parkedInJoin(desk, group, member);
  membershipChanged(desk, group);
  return answer;
}

function update(member: Member, request: Join): Promise<Joined> {
  member.protocols = request.protocols;
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.clientId = request.clientId;
  member.clientHost = request.clientHost;
  return member.awaitJoin(SUPERSEDED);
}

/** A static member without a member id: new, or its process has restarted and takes its place again (KIP-345). */
function joinStatic(desk: Desk, group: Group, request: Join, instanceId: string): Promise<Joined> {
  const id = newMemberId(desk, instanceId);
  const oldId = group.staticMembers.get(instanceId);
  const old = oldId === undefined ? undefined : group.members.get(oldId);
  if (!old) return addMember(desk, group, { ...request, id });
  const leaderBefore = group.leaderId ?? "";
  endSession(desk, group, old.id);
  const member = group.replaceStatic(old, id);
  const answer = update(member, request);
  restartSession(desk, group, member);
  if (group.state !== "Stable") {
    parkedInJoin(desk, group, member);
    // The leader may be assigning for the old id just now: that generation can't be completed.
    membershipChanged(desk, group);
  } else if (group.selectProtocol() !== group.protocolName) prepareRebalance(desk, group);
  else void keepGeneration(desk, group, member, request.canSkipAssignment, leaderBefore);
  return answer;
}

/** The same generation for the restarted member, once its new id is in the log (KAFKA-10284). */
async function keepGeneration(
  desk: Desk,
  group: Group,
  member: Member,
  canSkipAssignment: boolean,
  leaderBefore: string,
): Promise<void> {
  const errorCode = await desk.persist([{ is: "group", group: group.id, value: group.snapshot() }]);
  if (errorCode !== ErrorCode.NONE || group.members.get(member.id) !== member || group.state !== "Stable") return;
  const isLeader = group.isLeader(member.id);
  // Before v9 a leader that kept its generation must not believe it leads: it would assign, and nobody would ask for it.
  const options = canSkipAssignment
    ? { withMembers: isLeader, skipAssignment: isLeader }
    : { withMembers: false, leader: leaderBefore };
  member.answerJoin(group.joinedAnswer(member.id, options));
}
