import { ErrorCode } from "@odradek/protocol";
import type { Desk } from "./desk.ts";
import { expiredRecords } from "./expiry.ts";
import { join, type Join } from "./join.ts";
import { joinFailed, type Joined, NO_BYTES, syncFailed, type Synced } from "./member.ts";
import { Offsets, type TopicPartition } from "./offsets.ts";
import { restartSession } from "./rebalance.ts";
import type { CommittedOffset, GroupRecord } from "./records.ts";
import { heartbeat, type InGeneration, leave, mayCommit, type MemberRef, sync, type Sync } from "./requests.ts";
import { Group } from "./state.ts";

export type Commit = InGeneration & {
  readonly groupId: string;
  /** What a generation of a group that nobody knows is answered with; ILLEGAL_GENERATION unless said otherwise. */
  readonly unknownGroup?: ErrorCode;
  readonly offsets: readonly (TopicPartition & {
    readonly offset: number;
    readonly leaderEpoch: number;
    readonly metadata: string;
  })[];
};

export type DescribedGroup = {
  readonly state: string;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly members: readonly {
    memberId: string;
    instanceId: string | null;
    clientId: string;
    clientHost: string;
    metadata: Buffer;
    assignment: Buffer;
  }[];
};

const EXPIRY_TIMER = "expiry";

/**
 * All groups of one partition of `__consumer_offsets`. Requests are decided here, at once and one after the other; what must
 * survive goes through `desk.persist`, and nothing is answered before it is committed.
 */
export class GroupShard {
  readonly #desk: Desk;
  readonly #groups = new Map<string, Group>();
  readonly #offsets = new Offsets();
  /** Resolves when everything appended so far is committed. */
  readonly #committed: () => Promise<ErrorCode>;

  constructor(desk: Desk, committed: () => Promise<ErrorCode>) {
    this.#desk = desk;
    this.#committed = committed;
  }

  /** The one way in which what is remembered changes: while loading and while running. Records may come in any order (G-14). */
  replay(record: GroupRecord): void {
    if (record.is === "offset") {
      this.#offsets.put(record.group, record.topic, record.partition, record.value);
      if (record.value !== null) this.#groupFor(record.group);
    } else if (record.value === null) this.#groups.delete(record.group);
    else this.#groupFor(record.group).restore(record.value);
  }

  /** The log has been replayed: sessions begin anew, so a failover expires nobody (G-12). */
  loaded(expiryIntervalMs: number): void {
    for (const id of this.#offsets.groups()) this.#groupFor(id);
    for (const group of this.#groups.values())
      for (const member of group.members.values()) restartSession(this.#desk, group, member);
    this.#expireEvery(expiryIntervalMs);
  }

  /** Everybody who waits gets this answer; nothing is decided here any more. */
  close(errorCode: ErrorCode): void {
    this.#desk.timers.close();
    for (const group of this.#groups.values())
      for (const member of group.members.values()) {
        member.answerJoin(joinFailed(errorCode, member.id));
        member.answerSync(syncFailed(errorCode));
      }
  }

  join(request: Join): Promise<Joined> {
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.#desk.limits;
    if (request.sessionTimeoutMs < sessionTimeoutMsMin || request.sessionTimeoutMs > sessionTimeoutMsMax)
      return Promise.resolve(joinFailed(ErrorCode.INVALID_SESSION_TIMEOUT, request.id));
    const known = this.#groups.get(request.groupId);
    if (!known && request.id !== "") return Promise.resolve(joinFailed(ErrorCode.UNKNOWN_MEMBER_ID, request.id));
    return join(this.#desk, known ?? this.#groupFor(request.groupId), request);
  }

  async sync(request: Sync): Promise<Synced> {
    const group = this.#groups.get(request.groupId);
    if (!group) return syncFailed(ErrorCode.UNKNOWN_MEMBER_ID);
    const answer = await sync(this.#desk, group, request);
    const errorCode = await this.#committed();
    return errorCode === ErrorCode.NONE ? answer : syncFailed(errorCode);
  }

  heartbeat(groupId: string, request: InGeneration): ErrorCode {
    const group = this.#groups.get(groupId);
    return group ? heartbeat(this.#desk, group, request) : ErrorCode.UNKNOWN_MEMBER_ID;
  }

  /** The error of each leaver. */
  async leave(groupId: string, leavers: readonly MemberRef[]): Promise<ErrorCode[]> {
    const group = this.#groups.get(groupId);
    if (!group) return leavers.map(() => ErrorCode.UNKNOWN_MEMBER_ID);
    const errorCodes = leave(this.#desk, group, leavers);
    const committed = await this.#committed();
    return committed === ErrorCode.NONE ? errorCodes : leavers.map(() => committed);
  }

  /** The error of each offset, in order. */
  async commit(request: Commit): Promise<ErrorCode[]> {
    const every = (errorCode: ErrorCode): ErrorCode[] => request.offsets.map(() => errorCode);
    const known = this.#groups.get(request.groupId);
    if (!known && request.generationId >= 0) return every(request.unknownGroup ?? ErrorCode.ILLEGAL_GENERATION);
    const refused = mayCommit(this.#desk, known ?? this.#groupFor(request.groupId), request);
    if (refused !== ErrorCode.NONE) return every(refused);
    const { offsetMetadataBytesMax } = this.#desk.limits;
    const isTooLarge = request.offsets.map(({ metadata }) => Buffer.byteLength(metadata) > offsetMetadataBytesMax);
    const commitTimestampMs = this.#desk.clock.wallMs();
    const records = request.offsets
      .filter((_, index) => isTooLarge[index] === false)
      .map(({ topic, partition, offset, leaderEpoch, metadata }): GroupRecord => {
        const value: CommittedOffset = { offset, leaderEpoch, metadata, commitTimestampMs };
        return { is: "offset", group: request.groupId, topic, partition, value };
      });
    const committed = records.length === 0 ? ErrorCode.NONE : await this.#desk.persist(records);
    return isTooLarge.map((tooLarge) => (tooLarge ? ErrorCode.OFFSET_METADATA_TOO_LARGE : committed));
  }

  /** What the group has committed; never what could still be lost. */
  async fetchOffsets(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> | ErrorCode> {
    const errorCode = await this.#committed();
    return errorCode === ErrorCode.NONE ? this.#offsets.of(groupId) : errorCode;
  }

  /** Null: no such group. */
  describe(groupId: string): DescribedGroup | null {
    const group = this.#groups.get(groupId);
    if (!group) return null;
    const isStable = group.state === "Stable";
    const members = [...group.members.values()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? member.metadataFor(group.protocolName) : NO_BYTES,
      assignment: isStable ? member.assignment : NO_BYTES,
    }));
    const protocolName = isStable ? (group.protocolName ?? "") : "";
    return { state: group.state, protocolType: group.protocolType ?? "", protocolName, members };
  }

  list(): { groupId: string; protocolType: string; state: string }[] {
    return [...this.#groups.values()].map(({ id, protocolType, state }) => ({
      groupId: id,
      protocolType: protocolType ?? "",
      state,
    }));
  }

  /** Deletes an empty group with its offsets. */
  async delete(groupId: string): Promise<ErrorCode> {
    const group = this.#groups.get(groupId);
    if (!group || group.state === "Dead") return ErrorCode.GROUP_ID_NOT_FOUND;
    if (group.state !== "Empty" || group.pendingJoins.size > 0) return ErrorCode.NON_EMPTY_GROUP;
    const forgotten = this.#offsets.select(groupId, () => true).map((at) => this.#tombstone(groupId, at));
    group.enter("Dead", this.#desk.clock.wallMs());
    return this.#desk.persist([...forgotten, { is: "group", group: groupId, value: null }]);
  }

  /** Deletes offsets of topics the group does not use. The error of each, in order; a plain code is the group's. */
  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<ErrorCode[] | ErrorCode> {
    const group = this.#groups.get(groupId);
    if (!group || group.state === "Dead") return ErrorCode.GROUP_ID_NOT_FOUND;
    const isInUse = group.state !== "Empty";
    const subscribed = isInUse ? group.subscribedTopics() : new Set<string>();
    // Whoever speaks another protocol does not tell which topics it uses.
    if (subscribed === null) return ErrorCode.NON_EMPTY_GROUP;
    const records = partitions
      .filter(({ topic, partition }) => !subscribed.has(topic) && this.#offsets.get(groupId, topic, partition) !== null)
      .map((at) => this.#tombstone(groupId, at));
    const committed = records.length === 0 ? ErrorCode.NONE : await this.#desk.persist(records);
    if (committed !== ErrorCode.NONE) return committed;
    return partitions.map(({ topic }) =>
      subscribed.has(topic) ? ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode.NONE,
    );
  }

  /** Forgets what was committed for topics for which `isGone` holds: a new topic of the same name begins anew (G-08). */
  forgetTopics(isGone: (topic: string) => boolean): void {
    const records = [...this.#offsets.groups()].flatMap((group) =>
      this.#offsets.select(group, isGone).map((at) => this.#tombstone(group, at)),
    );
    if (records.length > 0) void this.#desk.persist(records);
  }

  #tombstone(group: string, { topic, partition }: TopicPartition): GroupRecord {
    return { is: "offset", group, topic, partition, value: null };
  }

  #groupFor(id: string): Group {
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, (group = new Group(id, -1)));
    return group;
  }

  #expireEvery(intervalMs: number): void {
    this.#desk.timers.set(EXPIRY_TIMER, intervalMs, () => {
      const nowMs = this.#desk.clock.wallMs();
      const retentionMs = this.#desk.limits.offsetsRetentionMs;
      const records = [...this.#groups.values()].flatMap((group) =>
        expiredRecords(group, this.#offsets, { nowMs, retentionMs }),
      );
      if (records.length > 0) void this.#desk.persist(records);
      this.#expireEvery(intervalMs);
    });
  }
}
