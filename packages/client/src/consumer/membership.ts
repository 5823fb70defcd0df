import type { Cancel } from "@odradek/kit";
import {
  type AnyApi,
  ErrorCode,
  HeartbeatApi,
  JoinGroupApi,
  type JoinGroupResponse,
  LeaveGroupApi,
  readAssignment,
  readSubscription,
  type RequestDraft,
  type ResponseOf,
  SyncGroupApi,
  writeAssignment,
  writeSubscription,
} from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { Said } from "../cluster/connection.ts";
import { askCoordinator } from "../cluster/coordinator.ts";
import { type Committer, groupedBy, type Partition } from "../cluster/offsets.ts";
import { KafkaError, mayRetry, orThrow } from "../errors.ts";
import type { Subscription } from "./assignors.ts";
import type { ConsumerSettings } from "./options.ts";

/** The group goes on without us, or is gone itself (what OffsetCommit says of that from v9 on): our partitions may be somebody else's by now. */
const losesMembership: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.GROUP_ID_NOT_FOUND,
]);

/**
 * A classic group member (eager rebalancing): joins, syncs, keeps its session alive, notices that it must join again. It joins
 * only when asked, so that the consumer decides between which batches it gives its partitions up.
 */
export class Membership {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #groupId: string;
  readonly #onRejoin: () => void;
  #memberId = "";
  #generation = -1;
  #mustJoin = true;
  #hasJoined = false;
  #topics: readonly string[] = [];
  /** Partition counts that the current assignment was made from, on the leader. */
  #counts: ReadonlyMap<string, number> | null = null;
  #cancel: Cancel | null = null;
  /** Of the clock's `now`: without a heartbeat until then the broker has thrown us out. */
  #sessionEndsMs = Infinity;
  #isClosed = false;

  /** `onRejoin` runs when the group asks for a rebalance. */
  constructor(cluster: Cluster, settings: ConsumerSettings, groupId: string, onRejoin: () => void) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#groupId = groupId;
    this.#onRejoin = onRejoin;
  }

  get mustJoin(): boolean {
    return this.#mustJoin;
  }

  /** Null while we are in no generation, when nothing may be committed. */
  get committer(): Committer | null {
    if (this.#generation < 0) return null;
    return { generation: this.#generation, memberId: this.#memberId, instanceId: this.#settings.groupInstanceId };
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics;
    this.#mustJoin = true;
  }

  /** An answer to something else, a commit, said so. */
  rejoin(error: KafkaError): void {
    if (losesMembership.has(error.code)) this.#lose(error.code);
    if (losesMembership.has(error.code) || error.code === ErrorCode.REBALANCE_IN_PROGRESS) this.#mustJoin = true;
  }

  /**
   * Enters the next generation and returns what this member is assigned. Before it has ever been in the group it gives up after
   * `operationTimeoutMs` without progress, for the addresses may be wrong; later it waits out whatever has become of the brokers.
   */
  async join(): Promise<Partition[]> {
    this.#cancel?.();
    // Whether anybody is there need not take as long as a group may need to gather.
    await this.#retried("coordinator of", () => this.#cluster.coordinatorOf(this.#groupId), 0);
    while (!this.#isClosed) {
      // Another rebalance begins, or we are forgotten: that is progress of the group, so the clock starts again.
      const joined = await this.#retried("join of", () => this.#joinOnce(), this.#settings.rebalanceTimeoutMs);
      if (joined === null) continue;
      const assigned = await this.#retried("sync of", () => this.#syncOnce(joined), this.#settings.rebalanceTimeoutMs);
      if (assigned === null) continue;
      this.#hasJoined = true;
      this.#mustJoin = false;
      this.#beat();
      return assigned;
    }
    return [];
  }

  #retried<T>(what: string, attempt: () => Promise<T>, mayTakeMs: number): Promise<T> {
    const limitMs = mayTakeMs + this.#cluster.settings.operationTimeoutMs;
    const deadlineMs = this.#hasJoined ? Infinity : this.#cluster.deadline(limitMs);
    return this.#cluster.retried(`${what} group ${this.#groupId}`, attempt, { deadlineMs });
  }

  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    const { groupInstanceId } = this.#settings;
    // A static member stays in the group until its session ends, so that it finds its partitions again.
    if (this.#memberId === "" || groupInstanceId !== null) return;
    const memberId = this.#memberId;
    this.#memberId = "";
    const request = (version: number): RequestDraft<typeof LeaveGroupApi> =>
      version >= 3
        ? { groupId: this.#groupId, members: [{ memberId, groupInstanceId }] }
        : { groupId: this.#groupId, memberId };
    await this.#ask(LeaveGroupApi, request, this.#cluster.settings.connectTimeoutMs);
  }

  #ask<A extends AnyApi>(api: A, request: Said<A>, timeoutMs: number): Promise<ResponseOf<A>> {
    const errorsOf = (response: ResponseOf<A>): number[] => [(response as { errorCode: number }).errorCode];
    return askCoordinator(this.#cluster, { groupId: this.#groupId, api, request, errorsOf, lane: "group", timeoutMs });
  }

  /** Null: try again at once. */
  async #joinOnce(): Promise<JoinGroupResponse | null> {
    const { groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, assignors } = this.#settings;
    const metadata = writeSubscription({ topics: [...this.#topics], userData: null });
    const request = (version: number): RequestDraft<typeof JoinGroupApi> => ({
      groupId: this.#groupId,
      sessionTimeoutMs,
      memberId: this.#memberId,
      protocolType: "consumer",
      protocols: assignors.map(({ name }) => ({ name, metadata })),
      ...(version >= 1 ? { rebalanceTimeoutMs } : {}),
      ...(version >= 5 ? { groupInstanceId } : {}),
    });
    const answer = await this.#ask(JoinGroupApi, request, rebalanceTimeoutMs + this.#cluster.settings.requestTimeoutMs);
    switch (answer.errorCode) {
      case ErrorCode.NONE:
        this.#memberId = answer.memberId;
        this.#generation = answer.generationId;
        return answer;
      case ErrorCode.MEMBER_ID_REQUIRED:
        this.#memberId = answer.memberId;
        return null;
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#memberId = "";
        return null;
      case ErrorCode.REBALANCE_IN_PROGRESS:
      case ErrorCode.ILLEGAL_GENERATION:
        return null;
      case ErrorCode.INVALID_SESSION_TIMEOUT: {
        const text = `the brokers allow no sessionTimeoutMs of ${sessionTimeoutMs}: see group.min.session.timeout.ms and group.max.session.timeout.ms`;
        throw new KafkaError(answer.errorCode, `group ${this.#groupId}`, text);
      }
      default:
        throw new KafkaError(answer.errorCode, `group ${this.#groupId}`);
    }
  }

  /** Null: join again. */
  async #syncOnce(joined: JoinGroupResponse): Promise<Partition[] | null> {
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment;
    const assignments = isLeader ? await this.#assign(joined) : [];
    if (!isLeader) this.#counts = null;
    const { groupInstanceId } = this.#settings;
    const request = (version: number): RequestDraft<typeof SyncGroupApi> => ({
      groupId: this.#groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      assignments,
      ...(version >= 3 ? { groupInstanceId } : {}),
      ...(version >= 5 ? { protocolType: "consumer", protocolName: joined.protocolName } : {}),
    });
    const answer = await this.#ask(
      SyncGroupApi,
      request,
      this.#settings.rebalanceTimeoutMs + this.#cluster.settings.requestTimeoutMs,
    );
    if (answer.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return null;
    if (losesMembership.has(answer.errorCode)) {
      this.#lose(answer.errorCode);
      return null;
    }
    orThrow(answer.errorCode, `group ${this.#groupId}`);
    const { assignedPartitions } = readAssignment(answer.assignment);
    return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  }

  async #assign(joined: JoinGroupResponse): Promise<{ memberId: string; assignment: Buffer }[]> {
    const assignor = this.#settings.assignors.find(({ name }) => name === joined.protocolName);
    if (assignor === undefined)
      throw new KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, `group ${this.#groupId}`, joined.protocolName);
    const members: Subscription[] = joined.members.map(({ memberId, metadata }) => ({
      memberId,
      topics: readSubscription(metadata).topics,
    }));
    const topics = new Set(members.flatMap((member) => member.topics));
    const counts = await this.#partitionCounts([...topics]);
    this.#counts = counts;
    this.#tellMissing([...topics].filter((topic) => !counts.has(topic)));
    return [...assignor.assign(members, counts)].map(([memberId, partitions]) => {
      const assignedPartitions = [...groupedBy(partitions, ({ topic }) => topic)].map(([topic, list]) => ({
        topic,
        partitions: list.map(({ partition }) => partition),
      }));
      return { memberId, assignment: writeAssignment({ assignedPartitions, userData: null }) };
    });
  }

  /** They are assigned as soon as they are there; until then nobody would know why nothing comes. */
  #tellMissing(topics: readonly string[]): void {
    const text = `the members of group ${this.#groupId} wait for it to be created`;
    for (const topic of topics)
      this.#cluster.settings.onTrouble?.(new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${topic}`, text));
  }

  async #partitionCounts(topics: readonly string[]): Promise<Map<string, number>> {
    const { topics: found } = await this.#cluster.refresh(topics, true);
    return new Map(
      [...found.values()]
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ name, partitions }) => [name, partitions.length]),
    );
  }

  #beat(): void {
    const { sessionTimeoutMs, heartbeatIntervalMs } = this.#settings;
    this.#sessionEndsMs = this.#cluster.clock.now() + sessionTimeoutMs;
    const again = (): void => {
      if (this.#isClosed || this.#generation < 0) return;
      this.#cancel = this.#cluster.clock.timer(heartbeatIntervalMs, () => void this.#heartbeat().then(again));
    };
    this.#cancel?.();
    again();
  }

  /** Never rejects: what goes wrong ends in another join. */
  async #heartbeat(): Promise<void> {
    if (this.#mustJoin && this.#generation < 0) return;
    try {
      const request = { groupId: this.#groupId, generationId: this.#generation, memberId: this.#memberId };
      const { groupInstanceId } = this.#settings;
      const generation = this.#generation;
      const answer = await this.#ask(
        HeartbeatApi,
        (version) => (version >= 3 ? { ...request, groupInstanceId } : request),
        this.#settings.sessionTimeoutMs,
      );
      if (generation !== this.#generation) return;
      orThrow(answer.errorCode, `group ${this.#groupId}`);
      this.#sessionEndsMs = this.#cluster.clock.now() + this.#settings.sessionTimeoutMs;
      await this.#watchPartitions();
    } catch (error) {
      this.#missed(error as Error);
    }
  }

  #missed(error: Error): void {
    if (error instanceof KafkaError && error.code === ErrorCode.REBALANCE_IN_PROGRESS) {
      this.#sessionEndsMs = this.#cluster.clock.now() + this.#settings.sessionTimeoutMs;
    } else if (error instanceof KafkaError && losesMembership.has(error.code)) {
      this.#lose(error.code);
    } else if (mayRetry(error) && this.#cluster.clock.now() < this.#sessionEndsMs) {
      return;
    }
    this.#mustJoin = true;
    this.#onRejoin();
  }

  /** The leader answers for topics that grow or appear: then the partitions are dealt out anew. */
  async #watchPartitions(): Promise<void> {
    const before = this.#counts;
    if (before === null) return;
    const now = await this.#partitionCounts(this.#topics);
    const hasChanged = [...now].some(([topic, count]) => before.get(topic) !== count);
    if (!hasChanged || before !== this.#counts) return;
    this.#mustJoin = true;
    this.#onRejoin();
  }

  #lose(errorCode: number): void {
    this.#generation = -1;
    if (errorCode !== ErrorCode.ILLEGAL_GENERATION) this.#memberId = "";
  }
}
