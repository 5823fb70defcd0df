import type { Reached, Watermark } from "@odradek/kit";
import { ErrorCode } from "@odradek/protocol";

import type {
  Appended,
  AppendOptions,
  Attachment,
  AttachRequest,
  FollowListener,
  Read,
  ReadOptions,
} from "./answers.ts";
import type { Assignment } from "./assignment.ts";
import { Follower } from "./follower.ts";
import { Leader, type LeaderParts } from "./leader.ts";
import type { LocalReplica } from "./local-replica.ts";
import { EpochRaise } from "./raise-epoch.ts";
import { readRecords } from "./read-records.ts";
import { leaderHint, type Role } from "./role.ts";

export type { Appended, Read } from "./answers.ts";

type Acting =
  | { is: "leader"; leader: Leader }
  | { is: "follower"; follower: Follower }
  | { is: "offline"; reason: string; leader: number; leaderEpoch: number };

const nothing = (): void => {};

/** One partition that has a replica here. Requests and replication meet in it; its role changes with the pictures of the cluster. */
export class Partition {
  readonly #parts: LeaderParts;
  readonly #replica: LocalReplica;
  #acting: Acting;
  /** While we are to lead and may not yet. */
  #raise: EpochRaise | null = null;
  /** Called when the role has changed. */
  onRole: () => void = nothing;
  /** Called when the log is found damaged: it should be mended (RELIABILITY L-02). */
  onDamaged: () => void = nothing;

  constructor(parts: LeaderParts, replica: LocalReplica, assignment: Assignment) {
    this.#parts = parts;
    this.#replica = replica;
    this.#acting = { is: "offline", reason: "starting", leader: -1, leaderEpoch: -1 };
    replica.onWritten = (previousEnd) => this.#written(previousEnd);
    replica.onStored = () => this.#acting.is === "leader" && this.#acting.leader.stored();
    replica.onFailed = () => this.#failed();
    replica.onDamaged = () => this.onDamaged();
    this.apply(assignment);
  }

  get topic(): string {
    return this.#replica.topic;
  }

  get index(): number {
    return this.#replica.index;
  }

  get topicId(): string {
    return this.#replica.topicId;
  }

  get role(): Role {
    const acting = this.#acting;
    if (acting.is === "leader") return { is: "leader", leaderEpoch: acting.leader.epoch };
    if (acting.is === "offline") return acting;
    return { is: "follower", leader: acting.follower.leader, leaderEpoch: acting.follower.epoch };
  }

  /** The high watermark of the present role: waits on it end with the role (K-07). */
  get high(): Watermark {
    return this.#replica.high;
  }

  get start(): number {
    return this.#replica.log.start;
  }

  get end(): number {
    return this.#replica.log.end;
  }

  get lastStable(): number {
    return this.#replica.lastStable;
  }

  /** Bytes of the log's segments. */
  get size(): number {
    return this.#replica.log.size;
  }

  /** False while a new leader's high watermark may be older than what clients have seen: answer OFFSET_NOT_AVAILABLE (K-05). */
  get highIsCurrent(): boolean {
    return this.#acting.is === "leader" && this.#acting.leader.highIsCurrent;
  }

  /** The in-sync replicas as this leader knows them; empty elsewhere. */
  get isr(): readonly number[] {
    return this.#acting.is === "leader" ? this.#acting.leader.isr : [];
  }

  /** Followers in sync that this leader knows to have everything before `offset`, and how far each has come. */
  holders(offset: number): { id: number; end: number }[] {
    return this.#acting.is === "leader" && offset >= this.start ? this.#acting.leader.holders(offset) : [];
  }

  get replica(): LocalReplica {
    return this.#replica;
  }

  /** The follower's part, while it is one. */
  get following(): Follower | null {
    return this.#acting.is === "follower" ? this.#acting.follower : null;
  }

  /**
   * Appends whole batches. What can be decided is decided before this returns; the promise settles when the acks are there.
   * `records` must stay untouched until then; offsets and epoch are set in place. Errors are values.
   */
  append(records: Buffer, options: AppendOptions): Promise<Appended> {
    if (this.#acting.is !== "leader") return Promise.resolve(this.#notLeader());
    const { leader } = this.#acting;
    const appended = this.#guarded(() => leader.append(records, options));
    if (appended === null) return Promise.resolve(this.#notLeader());
    return appended.then((answer) =>
      answer.error === ErrorCode.NOT_LEADER_OR_FOLLOWER ? { ...answer, ...this.#hint() } : answer,
    );
  }

  /** Reads for a consumer. Never past the high watermark or the last stable offset. */
  read(options: ReadOptions): Read {
    const { log, derived } = this.#replica;
    const acting = this.#acting;
    const mayRead = acting.is === "leader" || (acting.is === "follower" && options.mayFollow === true);
    if (!mayRead) return this.#unread(this.#unavailable());
    const { leaderEpoch } = this.role;
    if (options.leaderEpoch >= 0 && options.leaderEpoch !== leaderEpoch) {
      if (options.leaderEpoch > leaderEpoch) return this.#unread(ErrorCode.UNKNOWN_LEADER_EPOCH);
      const current = acting.is === "leader" ? { leader: { id: this.#parts.brokerId, epoch: leaderEpoch } } : {};
      return { ...this.#unread(ErrorCode.FENCED_LEADER_EPOCH), ...current };
    }
    const { offset, bytesMax, oneBatchAtLeast } = options;
    // A follower may lag behind what its leader has shown: out of range sends a client back to the leader (KIP-392).
    if (acting.is === "leader" && offset > log.end && !acting.leader.highIsCurrent)
      return this.#unread(ErrorCode.OFFSET_NOT_AVAILABLE);
    // Before the range: a reader beyond our end is told where its log parts from ours (KIP-595).
    if (options.lastFetchedEpoch >= 0) {
      const ours = derived.epochs.endOffsetFor(options.lastFetchedEpoch, log.end);
      if (ours.leaderEpoch < 0) return this.#unread(ErrorCode.OFFSET_OUT_OF_RANGE);
      if (ours.leaderEpoch !== options.lastFetchedEpoch || ours.endOffset < offset)
        return { ...this.#unread(ErrorCode.NONE), diverging: { epoch: ours.leaderEpoch, endOffset: ours.endOffset } };
    }
    if (offset < log.start || offset > log.end) return this.#unread(ErrorCode.OFFSET_OUT_OF_RANGE);
    const upTo = options.isolation === "committed" ? this.lastStable : this.high.value;
    if (offset >= upTo) return this.#unread(ErrorCode.NONE);
    const limits = { bytesMax, upTo, oneBatchAtLeast };
    const read = this.#guarded(() => readRecords(offset, (at) => this.#replica.read(at, limits)));
    if (read === "damaged" || this.#isOffline()) return this.#unread(ErrorCode.KAFKA_STORAGE_ERROR);
    if (read === null) return this.#unread(ErrorCode.NONE);
    return { ...this.#unread(ErrorCode.NONE), records: read.records, release: () => read.release() };
  }

  /** The first committed record whose timestamp is ≥ `timestampMs`; offset -1 when there is none. */
  offsetForTime(timestampMs: number): Promise<{ timestamp: number; offset: number; leaderEpoch: number }> {
    return Promise.resolve(this.#found(this.#replica.log.times.firstSince(timestampMs)));
  }

  /** The committed record with the largest timestamp (ListOffsets -3). */
  offsetOfMaxTimestamp(): Promise<{ timestamp: number; offset: number; leaderEpoch: number }> {
    return Promise.resolve(this.#found(this.#replica.log.times.newest()));
  }

  /** OffsetForLeaderEpoch: the largest epoch not above `epoch` and where it ends; -1, -1 when unknown. */
  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#replica.derived.epochs.endOffsetFor(epoch, this.#replica.log.end);
  }

  /** The epoch that the record at `offset` was written in; -1 when unknown. */
  epochOf(offset: number): number {
    return this.#replica.derived.epochs.epochOf(offset);
  }

  /** Records below `offset` are not read any more (DeleteRecords); at most the high watermark. Returns the new start. */
  deleteRecordsBelow(offset: number): number {
    const { log, high } = this.#replica;
    log.moveStart(Math.min(offset, high.value));
    if (this.#acting.is === "leader") this.#acting.leader.progressed();
    return log.start;
  }

  /** Resolves when all in-sync replicas begin at `start` at the least, as far as this leader knows; closed: it leads no longer. */
  startReached(start: number, options: { timeoutMs: number }): Promise<Reached> {
    return this.#acting.is === "leader"
      ? this.#acting.leader.startReached(start, options)
      : Promise.resolve("closed" as const);
  }

  /** Somebody ran into a damaged batch. */
  damaged(): void {
    this.onDamaged();
  }

  /** The log has been examined, and mended as far as it could be: whoever waited reads again. */
  examined(result: { isWhole: boolean }): void {
    if (result.isWhole) this.#replica.forgetDamage();
    if (this.#acting.is === "leader") this.#acting.leader.examined();
  }

  /** A follower's stream wants this partition. */
  attach(request: AttachRequest, listener: FollowListener): Attachment {
    return this.#acting.is === "leader" ? this.#acting.leader.attach(request, listener) : { is: "unknown" };
  }

  /** Takes the partition as a newer picture has it. An older leader epoch is ignored. */
  apply(assignment: Assignment): void {
    this.#replica.config = assignment.config;
    if (this.#replica.log.failed !== null) return this.#failed(assignment);
    const { leaderEpoch } = this.role;
    if (assignment.leaderEpoch < leaderEpoch) return;
    const mayLead = assignment.leader === this.#parts.brokerId && assignment.leadsSinceRegistration;
    if (assignment.leaderEpoch > leaderEpoch) return this.#begin(assignment, mayLead);
    if (this.#acting.is === "leader") return this.#acting.leader.update(assignment);
    if (this.#raise !== null && mayLead) return this.#raise.update(assignment);
    if (this.#acting.is === "follower") this.#acting.follower.isInSync = assignment.isr.includes(this.#parts.brokerId);
    // Within an epoch a leader may only go away (no in-sync replica is alive), never change to another broker.
    const leader = mayLead || assignment.leader !== this.#parts.brokerId ? assignment.leader : -1;
    if (this.#acting.is === "follower" && this.#acting.follower.leader !== leader) this.#begin(assignment, mayLead);
  }

  /** Time has passed, or the disk has failed elsewhere: look after lagging followers, and whether we may go on. */
  check(): void {
    if (this.#replica.log.failed !== null) return this.#failed();
    if (this.#acting.is === "leader") this.#acting.leader.check();
  }

  /** Ends every wait. The log is closed by whoever opened it. */
  close(): void {
    this.#become({ is: "offline", reason: "closed", leader: -1, leaderEpoch: this.role.leaderEpoch });
    this.high.close();
  }

  #begin(assignment: Assignment, mayLead: boolean): void {
    const { leaderEpoch } = assignment;
    const isInSync = assignment.isr.includes(this.#parts.brokerId);
    if (mayLead && leaderEpoch <= this.#replica.derived.epochs.latest) {
      this.#become({
        is: "follower",
        follower: new Follower(this.#replica, { leader: -1, epoch: leaderEpoch, isInSync }),
      });
      this.#raise = new EpochRaise(this.#parts, this.#replica, assignment);
    } else if (mayLead) {
      this.#become(null);
      this.#acting = { is: "leader", leader: new Leader(this.#parts, this.#replica, assignment) };
    } else {
      const leader = assignment.leader === this.#parts.brokerId ? -1 : assignment.leader;
      this.#become({ is: "follower", follower: new Follower(this.#replica, { leader, epoch: leaderEpoch, isInSync }) });
    }
    const { role } = this;
    this.#replica.logger.debug({ evt: "role", partition: `${this.#replica}`, role, end: this.end }, "role changed");
    this.onRole();
  }

  /** Ends the present role and its waits. */
  #become(acting: Acting | null): void {
    if (this.#acting.is === "leader") this.#acting.leader.end();
    this.#raise?.end();
    this.#raise = null;
    if (acting !== null) this.#acting = acting;
    this.#replica.renewHigh();
  }

  #written(previousEnd: number): void {
    if (this.#acting.is === "leader") this.#acting.leader.written(previousEnd);
    if (this.#acting.is === "follower") this.#acting.follower.onWritten(this.#replica.log.written.value);
  }

  /** The disk failed: this replica neither leads nor follows until the broker is restarted (L-08). */
  #failed(assignment?: Assignment): void {
    const { role } = this;
    const { failed } = this.#replica.log;
    if (failed === null || (role.is === "offline" && assignment === undefined)) return;
    const leader = assignment?.leader ?? (role.is === "leader" ? -1 : role.leader);
    const leaderEpoch = assignment?.leaderEpoch ?? role.leaderEpoch;
    this.#become({ is: "offline", reason: failed.message, leader, leaderEpoch });
    if (role.is !== "offline") this.onRole();
  }

  #isOffline(): boolean {
    return this.#acting.is === "offline";
  }

  /** Runs what touches the disk; null when it failed, and the partition is offline then. */
  #guarded<Result>(run: () => Result): Result | null {
    try {
      return run();
    } catch (error) {
      if (this.#replica.log.failed === null) throw error;
      this.#failed();
      return null;
    }
  }

  #unavailable(): number {
    return this.#acting.is === "offline" && this.#replica.log.failed !== null
      ? ErrorCode.KAFKA_STORAGE_ERROR
      : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  #hint(): { leader?: { id: number; epoch: number } } {
    const leader = leaderHint(this.role);
    return leader === undefined ? {} : { leader };
  }

  #notLeader(): Appended {
    const error = this.#unavailable();
    return { error, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: this.start, ...this.#hint() };
  }

  #unread(error: number): Read {
    const { start: logStart, lastStable } = this;
    const high = this.high.value;
    return { error, high, lastStable, logStart, records: null, release: nothing, ...this.#hint() };
  }

  #found(record: { timestamp: number; offset: number } | null): {
    timestamp: number;
    offset: number;
    leaderEpoch: number;
  } {
    if (record === null || record.offset >= this.high.value) return { timestamp: -1, offset: -1, leaderEpoch: -1 };
    return { ...record, leaderEpoch: this.epochOf(record.offset) };
  }
}
