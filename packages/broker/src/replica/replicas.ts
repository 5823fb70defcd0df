import type { Cancel, Clock, Files, Logger, Rpc } from "@odradek/kit";

import { Compactor, type Compactable } from "../compaction/compactor.ts";
import type { BrokerConfig } from "../config.ts";
import { type Directories, OfflineReplicaError } from "../log/directories.ts";
import type { Assignment, InSyncStore, Peer } from "../partition/assignment.ts";
import { DerivedPartitionState } from "../partition/derived-partition-state.ts";
import { LocalReplica } from "../partition/local-replica.ts";
import { Partition } from "../partition/partition.ts";
import { Fetchers } from "./fetchers.ts";
import { Healer } from "./healer.ts";
import { RoleLog } from "./role-log.ts";
import { Scrub } from "./scrub.ts";

/** The cluster as replication needs it: the live brokers and all partitions that have a replica here. */
export type Picture = { brokers: ReadonlyMap<number, Peer>; assignments: readonly Assignment[]; revision: number };

export type ReplicasOptions = {
  brokerId: number;
  /** The opened data directories; `close` closes them. */
  logs: Directories;
  rpc: Rpc;
  clock: Clock;
  files: Files;
  logger: Logger;
  inSyncStore: InSyncStore;
  config: Pick<BrokerConfig, "replication" | "log" | "producers" | "compaction">;
};

/** What this broker does about one partition: brings what it has (`partition`) to what it should have (`wanted`), one step at a time. */
type Hosted = {
  readonly topic: string;
  readonly index: number;
  wanted: Assignment | null;
  partition: Partition | null;
  /** The work under way. */
  settling: Promise<void> | null;
  /** Why the partition could not be opened; it is tried again now and then. */
  failed: unknown;
  /** We have never had anything of it. */
  isNew: boolean;
};

/** A partition that could not be opened is tried again after this. */
const RETRY_MS = 10_000;

/** So much writing is read again after a crash, besides the newest segment of each log. */
const SEALED_MS = 1000;

/** Between two rounds of reading every log again. */
const SCRUB_PAUSE_MS = 60_000;

const keyOf = (topic: string, index: number): string => `${topic}-${index}`;

/** Every partition that has a replica on this broker. */
export class Replicas {
  /**
   * Rejects when the disks have failed under all data directories (L-08, L-11, L-12). Whoever runs the broker stops it, as Kafka does; others
   * lead as soon as its session ends.
   */
  readonly failed: Promise<never>;
  #fail!: (error: Error) => void;
  readonly #options: ReplicasOptions;
  readonly #fetchers: Fetchers;
  readonly #compactor: Compactor;
  readonly #healer: Healer;
  readonly #roles: RoleLog;
  readonly #hosted = new Map<string, Hosted>();
  readonly #byId = new Map<string, Partition>();
  readonly #timers = new Map<string, Cancel>();
  #revision = -1;
  #closed = false;
  /** What `isOffline` says of some partitions has changed. */
  onAvailability: () => void = () => {};

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => {}); // whoever runs the broker awaits it; nobody has to
    this.#fetchers = new Fetchers(options);
    options.logs.onFailed = ({ failed: cause }) => this.#directoryFailed(cause);
    const { replication, log, compaction } = options.config;
    const { cleanOffsets } = options.logs;
    this.#compactor = new Compactor({ ...options, config: compaction, cleanOffsets, logs: () => this.#compactables() });
    this.#roles = new RoleLog(options);
    this.#healer = new Healer({ ...options, peers: () => this.#fetchers.peers });
    const scrub = new Scrub(options.clock, log.scrubBytesPerSecond, () => this.#closed);
    this.#every("in-sync replicas", Math.min(replication.lagTimeMsMax / 2, 1000), () => this.#check());
    this.#every("failed partitions", RETRY_MS, () => this.#retryFailed());
    this.#every("high watermarks", replication.highWatermarkCheckpointMs, () => this.#saveHighs());
    this.#every("indexes", replication.highWatermarkCheckpointMs, () => options.logs.saveIndexes());
    this.#every("sealed segments", SEALED_MS, () => options.logs.saveSealed());
    this.#every("checkpoints", log.recoveryPointCheckpointMs, () => options.logs.saveCheckpoints());
    this.#every("retention", log.retentionCheckMs, () => this.#retain());
    if (compaction.enabled) this.#every("compaction", compaction.backoffMs, () => this.#compactor.round());
    this.#every("scrub", SCRUB_PAUSE_MS, () => scrub.round(this.partitions()));
  }

  /**
   * Takes the cluster as it is now; called with every picture. Level-triggered: it compares what should be with what is; opening and
   * deleting follow in the background, roles change at once. Cheap when nothing changed.
   */
  apply(picture: Picture): void {
    if (this.#closed || picture.revision < this.#revision) return;
    const isFirst = this.#revision < 0;
    this.#revision = picture.revision;
    const peersChanged = this.#fetchers.update(picture.brokers);
    const assigned = new Set<string>();
    for (const assignment of picture.assignments) {
      const key = keyOf(assignment.topic, assignment.partition);
      assigned.add(key);
      this.#assign(key, assignment, { isFirst });
    }
    for (const [key, hosted] of this.#hosted) {
      if (assigned.has(key)) continue;
      hosted.wanted = null;
      if (hosted.failed !== null) this.#options.logs.deleteLog(hosted.topic, hosted.index);
      this.#settle(key, hosted);
    }
    if (isFirst) this.#tellStrays(assigned);
    // Who has registered anew, or is going away, may join or not.
    if (peersChanged) this.#check();
  }

  /** Undefined while it is being opened, too. */
  partition(topic: string, index: number): Partition | undefined {
    return this.#hosted.get(keyOf(topic, index))?.partition ?? undefined;
  }

  /** Whether our replica can't be served: its disk has failed, or it could not be opened. Null: not known yet, or none of ours. */
  isOffline(topic: string, index: number): boolean | null {
    const hosted = this.#hosted.get(keyOf(topic, index));
    if (hosted === undefined || hosted.failed !== null) return hosted === undefined ? null : true;
    return hosted.partition && hosted.partition.replica.log.failed !== null;
  }

  /** Some replica can't be served. */
  get hasOffline(): boolean {
    return [...this.#hosted.values()].some(({ topic, index }) => this.isOffline(topic, index) === true);
  }

  /** The data directories, for whoever describes them. */
  get directories(): Directories {
    return this.#options.logs;
  }

  /** `topicId`: base64url. */
  partitionById(topicId: string, index: number): Partition | undefined {
    return this.#byId.get(keyOf(topicId, index));
  }

  /** Whether the stream that this leader feeds us has just broken: perhaps it is dead, and the coordination store will soon say so. */
  isSuspect(leader: number): boolean {
    return this.#fetchers.isSuspect(leader);
  }

  *partitions(): Iterable<Partition> {
    for (const { partition } of this.#hosted.values()) if (partition !== null) yield partition;
  }

  /** Resolves when the starts of all logs are on stable storage (DeleteRecords): a crash brings nothing back. */
  saveStarts(): Promise<void> {
    return this.#options.logs.saveStarts();
  }

  /** Resolves once what the pictures so far asked for has been opened or deleted. */
  async settled(): Promise<void> {
    for (const { settling } of this.#hosted.values()) await settling;
  }

  /** Ends every role, then closes every log in order and marks that. Rejects when a log can't be closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#fetchers.close();
    await this.#compactor.close();
    this.#healer.close();
    this.#roles.close();
    await this.settled();
    for (const partition of this.partitions()) partition.close();
    await this.#saveHighs();
    await this.#options.logs.close();
  }

  #assign(key: string, assignment: Assignment, { isFirst }: { isFirst: boolean }): void {
    const { topic, partition: index } = assignment;
    let hosted = this.#hosted.get(key);
    if (hosted === undefined) {
      hosted = { topic, index, wanted: null, partition: null, settling: null, failed: null, isNew: false };
      this.#hosted.set(key, hosted);
    }
    if (hosted.wanted === assignment) return;
    // Of all that was assigned when we started something may lie on a disk that has failed, whatever the tree says of us.
    if (hosted.wanted?.topicId !== assignment.topicId) hosted.isNew = !isFirst;
    hosted.wanted = assignment;
    if (hosted.partition?.topicId === assignment.topicId) hosted.partition.apply(assignment);
    else this.#settle(key, hosted);
  }

  #settle(key: string, hosted: Hosted): void {
    if (hosted.settling !== null) return;
    const hadFailed = hosted.failed !== null;
    hosted.failed = null;
    hosted.settling = this.#bring(hosted)
      .then(() => {
        if (hadFailed || hosted.wanted?.isOffline === true) this.onAvailability();
      })
      .catch((error: unknown) => {
        hosted.failed = error;
        this.onAvailability();
        this.#options.logger.error(
          { evt: "partition-failed", partition: key, err: error },
          "a partition can't be opened",
        );
      })
      .finally(() => {
        hosted.settling = null;
        if (hosted.wanted === null) this.#hosted.delete(key);
      });
  }

  /** Opens, deletes, or deletes and opens, until what is there is what is wanted. */
  async #bring(hosted: Hosted): Promise<void> {
    while (!this.#closed && hosted.partition?.topicId !== hosted.wanted?.topicId) {
      if (hosted.partition !== null) this.#delete(hosted, hosted.partition);
      else await this.#open(hosted, hosted.wanted!);
    }
  }

  async #open(hosted: Hosted, { topic, topicId, partition: index, config }: Assignment): Promise<void> {
    const { files, clock, logger, logs, brokerId, inSyncStore } = this.#options;
    const { log, derived } = await logs.openLog(
      { topic, partition: index, topicId },
      {
        isNew: hosted.isNew,
        config: () => hosted.wanted?.config ?? config,
        derive: (directory) => new DerivedPartitionState(files, directory),
      },
    );
    const { wanted } = hosted;
    // Meanwhile it was taken away, or replaced by a topic of the same name.
    if (wanted?.topicId !== topicId) return this.#closed ? undefined : logs.deleteLog(topic, index);
    const high = logs.savedHigh(topic, index);
    const replica = new LocalReplica({
      topic,
      topicId,
      index,
      log,
      derived,
      high,
      config: wanted.config,
      clock,
      logger,
      holdRecoveryPoint: (offset) => logs.holdRecoveryPoint({ topic, partition: index, topicId }, offset),
    });
    const { lagTimeMsMax } = this.#options.config.replication;
    const peers = (): ReadonlyMap<number, Peer> => this.#fetchers.peers;
    const partition = new Partition({ brokerId, clock, inSyncStore, peers, lagTimeMsMax }, replica, wanted);
    hosted.partition = partition;
    this.#byId.set(keyOf(topicId, index), partition);
    if (this.#closed) return;
    partition.onDamaged = () => this.#healer.heal(partition);
    const follow = (): void => {
      this.#roles.changed(partition.role);
      this.#fetchers.route(partition);
      if (log.failed !== null) logs.failedUnder(topic, index, log.failed);
    };
    partition.onRole = follow;
    // The disk may have failed between opening the log and here.
    follow();
  }

  #delete(hosted: Hosted, partition: Partition): void {
    const { topic, topicId, index } = partition;
    hosted.partition = null;
    this.#byId.delete(keyOf(topicId, index));
    this.#fetchers.forget(partition);
    this.#healer.forget(partition);
    partition.close();
    this.#options.logs.deleteLog(topic, index);
    this.#options.logger.info(
      { evt: "partition-deleted", partition: keyOf(topic, index), topicId },
      "deleted a partition",
    );
  }

  /** Data of no partition we know of is left where it is: a topic of that name with another id removes it (P-23), nobody else. */
  #tellStrays(assigned: ReadonlySet<string>): void {
    for (const { topic, partition, topicId } of this.#options.logs.stored()) {
      if (assigned.has(keyOf(topic, partition))) continue;
      this.#options.logger.warn(
        { evt: "stray-partition", topic, partition, topicId },
        "data of a partition that is not ours",
      );
    }
  }

  /** All its partitions go offline at once, whoever was writing. */
  #directoryFailed(cause: Error | null): void {
    this.#check();
    if (this.#options.logs.isLost) this.#fail(new Error("the disks of all data directories have failed", { cause }));
    this.onAvailability();
  }

  #check(): void {
    for (const partition of this.partitions()) partition.check();
  }

  #retryFailed(): void {
    for (const [key, hosted] of this.#hosted)
      if (hosted.failed !== null && !(hosted.failed instanceof OfflineReplicaError)) this.#settle(key, hosted);
  }

  #retain(): void {
    const { clock, logger, config } = this.#options;
    for (const partition of this.partitions()) {
      const { log, derived } = partition.replica;
      if (log.failed !== null) continue;
      derived.producers.expire(clock.wallMs(), config.producers.expirationMs);
      try {
        const count = log.deleteOldSegments(partition.high.value);
        if (count > 0) logger.info({ evt: "segments-deleted", partition: `${partition.replica}`, count }, "retention");
      } catch (error) {
        // The log has fenced itself; the partition goes offline with it, the others go on (L-12).
        logger.error({ evt: "retention-failed", partition: `${partition.replica}`, err: error }, "retention");
      }
    }
  }

  *#compactables(): Iterable<Compactable> {
    for (const one of this.partitions()) {
      const { topic, index: partition, lastStable, replica } = one;
      const { log, derived, config } = replica;
      yield { topic, partition, log, derived, config, lastStable, damaged: () => one.damaged() };
    }
  }

  async #saveHighs(): Promise<void> {
    const highs = [...this.partitions()].map(({ topic, index, high }) => ({
      topic,
      partition: index,
      offset: high.value,
    }));
    await this.#options.logs.saveHighs(highs);
  }

  /** Runs `work` again and again, `intervalMs` after it ended. A failure is logged; the next round tries again. */
  #every(name: string, intervalMs: number, work: () => void | Promise<void>): void {
    const { clock, logger } = this.#options;
    const run = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        logger.error({ evt: "round-failed", round: name, err: error }, "a periodic task failed");
      }
      if (!this.#closed) this.#every(name, intervalMs, work);
    };
    this.#timers.set(
      name,
      clock.timer(intervalMs, () => void run()),
    );
  }
}
