import { ErrorCode } from "@odradek/protocol";
import type { Desk } from "./desk.ts";
import { syncFailed, type Synced } from "./member.ts";
import { endSession, membershipChanged, removeMember, restartSession, syncArrived } from "./rebalance.ts";
import type { Group } from "./state.ts";
import { sessionTimer } from "./timers.ts";

export type MemberRef = { readonly memberId: string; readonly instanceId: string | null };
export type InGeneration = MemberRef & { readonly generationId: number };

export type Sync = InGeneration & {
  readonly groupId: string;
  /** Null before v5. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader: everybody's assignment; the coordinator's own bytes. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
};

function validate(group: Group, { memberId, instanceId, generationId }: InGeneration): ErrorCode {
  if (group.state === "Dead") return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  const invalid = group.validate(memberId, instanceId);
  if (invalid !== ErrorCode.NONE) return invalid;
  return generationId === group.generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION;
}

/** A SyncGroup: the leader's carries the assignments, which everybody gets once they are committed. */
export function sync(desk: Desk, group: Group, request: Sync): Promise<Synced> {
  const errorCode = syncRefusal(group, request);
  if (errorCode !== ErrorCode.NONE) return Promise.resolve(syncFailed(errorCode));
  const member = group.members.get(request.memberId)!;
  syncArrived(desk, group, member.id);
  restartSession(desk, group, member);
  if (group.state === "Stable") return Promise.resolve(syncedAnswer(group, member.assignment));
  const answer = member.awaitSync(syncFailed(ErrorCode.REBALANCE_IN_PROGRESS));
  if (group.isLeader(member.id)) void assign(desk, group, request.assignments);
  return answer;
}

function syncRefusal(group: Group, request: Sync): ErrorCode {
  const invalid = validate(group, request);
  if (invalid !== ErrorCode.NONE) return invalid;
  const { protocolType, protocolName } = request;
  if (protocolType !== null && protocolType !== group.protocolType) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  if (protocolName !== null && protocolName !== group.protocolName) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  if (group.state === "Empty") return ErrorCode.UNKNOWN_MEMBER_ID;
  return group.state === "PreparingRebalance" ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
}

async function assign(desk: Desk, group: Group, assignments: Sync["assignments"]): Promise<void> {
  const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  const value = group.snapshot();
  for (const member of value.members) member.assignment = byMember.get(member.memberId) ?? Buffer.alloc(0);
  value.currentStateTimestamp = desk.clock.wallMs();
  const { generation } = group;
  const errorCode = await desk.persist([{ is: "group", group: group.id, value }]);
  if (errorCode !== ErrorCode.NONE || group.generation !== generation) return;
  for (const member of group.members.values()) {
    if (!member.isAwaitingSync) continue;
    restartSession(desk, group, member);
    member.answerSync(syncedAnswer(group, member.assignment));
  }
}

const syncedAnswer = (group: Group, assignment: Buffer): Synced => ({
  errorCode: ErrorCode.NONE,
  protocolType: group.protocolType,
  protocolName: group.protocolName,
  assignment,
});

export function heartbeat(desk: Desk, group: Group, request: InGeneration): ErrorCode {
  const invalid = validate(group, request);
  if (invalid !== ErrorCode.NONE) return invalid;
  if (group.state === "Empty") return ErrorCode.UNKNOWN_MEMBER_ID;
  const member = group.members.get(request.memberId)!;
  if (!member.isAwaitingJoin) restartSession(desk, group, member);
  return group.state === "PreparingRebalance" ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
}

/** Takes the members out at once; the error of each. */
export function leave(desk: Desk, group: Group, leavers: readonly MemberRef[]): ErrorCode[] {
  if (group.state === "Dead") return leavers.map(() => ErrorCode.COORDINATOR_NOT_AVAILABLE);
  const errorCodes = leavers.map((leaver) => leaveOne(desk, group, leaver));
  if (errorCodes.includes(ErrorCode.NONE)) membershipChanged(desk, group);
  return errorCodes;
}

function leaveOne(desk: Desk, group: Group, { memberId, instanceId }: MemberRef): ErrorCode {
  if (group.pendingJoins.delete(memberId)) {
    desk.timers.cancel(sessionTimer(group.id, memberId));
    return ErrorCode.NONE;
  }
  // An administrator removes a static member by its instance id alone.
  const id = memberId === "" && instanceId !== null ? group.staticMembers.get(instanceId) : memberId;
  if (id === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  const invalid = group.validate(id, instanceId);
  if (invalid !== ErrorCode.NONE) return invalid;
  endSession(desk, group, id);
  removeMember(desk, group, id);
  return ErrorCode.NONE;
}

/** Whether a commit is from the current generation (G-01). Generation -1 without a member is a client that assigns by itself. */
export function mayCommit(desk: Desk, group: Group, request: InGeneration): ErrorCode {
  if (group.state === "Dead") return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  if (request.generationId < 0 && group.state === "Empty") return ErrorCode.NONE;
  if (request.generationId < 0 && request.memberId === "" && request.instanceId === null)
    return ErrorCode.UNKNOWN_MEMBER_ID;
  const invalid = validate(group, request);
  if (invalid !== ErrorCode.NONE) return invalid;
  if (group.state === "CompletingRebalance") return ErrorCode.REBALANCE_IN_PROGRESS;
  const member = group.members.get(request.memberId)!;
  if (!member.isAwaitingJoin) restartSession(desk, group, member);
  return ErrorCode.NONE;
}
