import { assert } from "@odradek/kit";
import { ErrorCode } from "@odradek/protocol";
import type { GroupMetadataValue } from "@odradek/protocol/messages/coordinator-records";
import { subscribedTopics } from "./subscription.ts";
import { joinFailed, type Joined, Member, type Protocol, syncFailed } from "./member.ts";

export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** Kafka's ClassicGroupState: from which states each may be entered. */
const predecessors: Record<GroupState, readonly GroupState[]> = {
  Empty: ["PreparingRebalance"],
  PreparingRebalance: ["Stable", "CompletingRebalance", "Empty"],
  CompletingRebalance: ["PreparingRebalance"],
  Stable: ["CompletingRebalance"],
  Dead: ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"],
};

/**
 * One classic consumer group. What must survive the coordinator is what `snapshot` says and a record keeps; who is joining
 * just now is known here only, and is asked again after a failover.
 */
export class Group {
  readonly id: string;
  readonly members = new Map<string, Member>();
  /** Instance id → member id. */
  readonly staticMembers = new Map<string, string>();
  /** Member ids that were given out and have not come back (KIP-394). */
  readonly pendingJoins = new Set<string>();
  /** Members of this generation that have not asked for their assignment. */
  readonly pendingSyncs = new Set<string>();
  generation = 0;
  /** Null: nobody ever joined; such a group only keeps offsets. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  /** A member came in during the initial delay, which is then extended. */
  hasNewMember = false;
  /** When it entered its state, ms since 1970; -1 unknown. */
  stateSinceMs: number;
  #state: GroupState = "Empty";
  #previous: GroupState = "Empty";

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.stateSinceMs = nowMs;
  }

  get state(): GroupState {
    return this.#state;
  }

  /** The first rebalance of an empty group, which waits for more members to come. */
  get isInitialRebalance(): boolean {
    return this.#state === "PreparingRebalance" && this.#previous === "Empty";
  }

  enter(state: GroupState, nowMs: number): void {
    assert(predecessors[state].includes(this.#state), `group ${this.id}: ${this.#state} -> ${state}`);
    this.#previous = this.#state;
    this.#state = state;
    this.stateSinceMs = nowMs;
  }

  get rebalanceTimeoutMs(): number {
    let most = 0;
    for (const member of this.members.values()) most = Math.max(most, member.rebalanceTimeoutMs);
    return most;
  }

  get hasAllJoined(): boolean {
    if (this.pendingJoins.size > 0) return false;
    for (const member of this.members.values()) if (!member.isAwaitingJoin) return false;
    return true;
  }

  get awaitingJoin(): number {
    let count = 0;
    for (const member of this.members.values()) if (member.isAwaitingJoin) count++;
    return count;
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId;
  }

  add(member: Member, protocolType: string): void {
    if (this.members.size === 0) this.protocolType = protocolType;
    this.leaderId ??= member.id;
    this.members.set(member.id, member);
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.id);
    this.pendingJoins.delete(member.id);
  }

  /** Takes a member out; whatever it was waiting for ends with UNKNOWN_MEMBER_ID. */
  remove(memberId: string): void {
    const member = this.members.get(memberId);
    if (!member) return;
    this.members.delete(memberId);
    this.pendingSyncs.delete(memberId);
    if (member.instanceId !== null) this.staticMembers.delete(member.instanceId);
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value ?? null;
    member.answerJoin(joinFailed(ErrorCode.UNKNOWN_MEMBER_ID, memberId));
    member.answerSync(syncFailed(ErrorCode.UNKNOWN_MEMBER_ID));
  }

  /** The restarted process of a static member takes over its place; the old one is fenced (G-04). */
  replaceStatic(old: Member, newId: string): Member {
    assert(old.instanceId !== null, "only a static member is replaced");
    this.members.delete(old.id);
    this.pendingSyncs.delete(old.id);
    const member = new Member({ ...old.facts, id: newId });
    member.assignment = old.assignment;
    this.members.set(newId, member);
    this.staticMembers.set(old.instanceId, newId);
    if (this.leaderId === old.id) this.leaderId = newId;
    old.answerJoin(joinFailed(ErrorCode.FENCED_INSTANCE_ID, old.id));
    old.answerSync(syncFailed(ErrorCode.FENCED_INSTANCE_ID));
    return member;
  }

  /** The error of a request that names this member, or NONE. */
  validate(memberId: string, instanceId: string | null): ErrorCode {
    if (instanceId !== null) {
      const current = this.staticMembers.get(instanceId);
      if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
      if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
  }

  /** Whether a member with these protocols has one in common with everybody else. */
  supports(protocolType: string, protocols: readonly Protocol[]): boolean {
    if (protocolType === "" || protocols.length === 0) return false;
    if (this.members.size === 0) return true;
    const candidates = this.#candidates();
    return this.protocolType === protocolType && protocols.some(({ name }) => candidates.has(name));
  }

  /** Every member votes for the first protocol of its own that all members list; most votes win. */
  selectProtocol(): string {
    const candidates = this.#candidates();
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const choice = member.protocols.find(({ name }) => candidates.has(name));
      assert(choice, `group ${this.id}: no common protocol`);
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
    }
    let best = "";
    for (const [name, count] of votes) if (count > (votes.get(best) ?? 0)) best = name;
    return best;
  }

  #candidates(): Set<string> {
    const counts = new Map<string, number>();
    for (const member of this.members.values())
      for (const name of new Set(member.protocols.map((protocol) => protocol.name)))
        counts.set(name, (counts.get(name) ?? 0) + 1);
    return new Set([...counts].filter(([, count]) => count === this.members.size).map(([name]) => name));
  }

  /** False: nobody who could lead has joined. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false;
    if (this.members.get(this.leaderId)?.isAwaitingJoin === true) return true;
    const joined = [...this.members.values()].find((member) => member.isAwaitingJoin);
    if (!joined) return false;
    this.leaderId = joined.id;
    return true;
  }

  /** Everybody who is in begins the next generation; with nobody in, the group is empty. */
  beginGeneration(nowMs: number): void {
    // Kafka wraps by int overflow; nobody has seen 2^31 generations, but a record may hold the last one (G-13).
    this.generation = this.generation >= 0x7fff_ffff ? 0 : this.generation + 1;
    this.pendingSyncs.clear();
    if (this.members.size === 0) {
      this.protocolName = null;
      this.leaderId = null;
      this.enter("Empty", nowMs);
    } else {
      this.protocolName = this.selectProtocol();
      this.enter("CompletingRebalance", nowMs);
    }
  }

  /** What a member is told when its generation is complete. */
  joinedAnswer(memberId: string, options: { withMembers: boolean; skipAssignment?: boolean; leader?: string }): Joined {
    const members = options.withMembers ? [...this.members.values()] : [];
    return {
      errorCode: ErrorCode.NONE,
      generationId: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: options.leader ?? this.leaderId ?? "",
      skipAssignment: options.skipAssignment ?? false,
      memberId,
      members: members.map((member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        metadata: member.metadataFor(this.protocolName),
      })),
    };
  }

  /** Topics its members are subscribed to; null when that can't be known. */
  subscribedTopics(): Set<string> | null {
    return this.protocolType === "consumer" ? subscribedTopics(this.members.values()) : null;
  }

  /** What must be known after a failover. */
  snapshot(): GroupMetadataValue {
    return {
      protocolType: this.protocolType ?? "",
      generation: this.generation,
      protocol: this.protocolName,
      leader: this.leaderId,
      currentStateTimestamp: this.stateSinceMs,
      members: [...this.members.values()].map((member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadataFor(this.protocolName),
        assignment: member.assignment,
      })),
    };
  }

  /** Takes over what a record says. Members that are here keep what they are waiting for. */
  restore(value: GroupMetadataValue): void {
    const isListed = new Set(value.members.map(({ memberId }) => memberId));
    for (const id of [...this.members.keys()]) if (!isListed.has(id)) this.remove(id);
    this.generation = value.generation;
    this.protocolType = value.protocolType === "" ? null : value.protocolType;
    this.protocolName = value.protocol;
    for (const listed of value.members) this.#restoreMember(listed);
    this.leaderId = value.leader;
    this.#state = value.members.length === 0 ? "Empty" : "Stable";
    this.stateSinceMs = value.currentStateTimestamp;
  }

  #restoreMember(listed: GroupMetadataValue["members"][number]): void {
    const here = this.members.get(listed.memberId);
    if (here) {
      here.assignment = listed.assignment;
      return;
    }
    const rebalanceTimeoutMs = listed.rebalanceTimeout < 0 ? listed.sessionTimeout : listed.rebalanceTimeout;
    const member = new Member({
      id: listed.memberId,
      instanceId: listed.groupInstanceId,
      clientId: listed.clientId,
      clientHost: listed.clientHost,
      rebalanceTimeoutMs,
      sessionTimeoutMs: listed.sessionTimeout,
      protocols: [{ name: this.protocolName ?? "", metadata: listed.subscription }],
    });
    member.assignment = listed.assignment;
    this.members.set(member.id, member);
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.id);
  }
}
