import { assert, randomUuid, type Clock, type Files, type Logger, type Random } from "@odradek/kit";
import { join } from "node:path";
import { isUnmarked, markBoot, mayHaveLost, unmarkBoot } from "../disk/boot-mark.ts";
import { markCleanShutdown, takeCleanShutdown, type LastShutdown } from "../disk/clean-shutdown.ts";
import { notedDirectories, noteDirectories } from "../disk/directory-note.ts";
import { makeDurableDirectory } from "../disk/durable-directory.ts";
import { claimDirectory } from "../disk/meta-properties.ts";
import { OffsetCheckpoint } from "../disk/offset-checkpoint.ts";
import { readTopicId, writeTopicId } from "../disk/partition-metadata.ts";
import { deletedName, isDeletedName, parsePartitionName, partitionName } from "../disk/partition-names.ts";
import { ReadPool } from "../disk/read-pool.ts";
import type { DerivedState } from "./derived-state.ts";
import type { LogConfig } from "./log-config.ts";
import { Log } from "./log.ts";
import { Turns } from "./turns.ts";

export type LogsOptions = {
  /** The data directory (Kafka's log.dirs with one entry); made when missing. */
  directory: string;
  files: Files;
  clock: Clock;
  random: Random;
  logger: Logger;
  clusterId: string;
  nodeId: number;
  /** Logs that may be read back at the same time. */
  recoveriesAtOnce: number;
  /** Logs that may sync at the same time. */
  syncsAtOnce: number;
  /** group: acknowledged means on stable storage (odradek.flush). */
  flush: "kafka" | "group";
};

export type PartitionId = { readonly topic: string; readonly partition: number; readonly topicId: string };

/**
 * Partitions that are made at the same time: enough to share the syncs of the data directory, and few enough for others to have their turn when
 * thousands come at once, for making names waits for the journal of the file system.
 */
const MADE_AT_ONCE = 32;

/** All logs of a data directory: opens and removes them, and keeps Kafka's checkpoints beside them. */
export class Logs {
  /** The directory's own id (base64url), for the registration. */
  readonly directoryId: string;
  /** What earlier processes wrote here may be gone, and the cluster has not been told yet. */
  readonly mayHaveLost: boolean;
  readonly #options: LogsOptions;
  readonly #pool = new ReadPool();
  readonly #recoveries: Turns;
  readonly #makings = new Turns(MADE_AT_ONCE);
  readonly #syncs: Turns;
  readonly #open = new Map<string, { id: PartitionId; log: Log }>();
  readonly #recoveryPoints: OffsetCheckpoint;
  readonly #highs: OffsetCheckpoint;
  readonly #starts: OffsetCheckpoint;
  /** Where compaction of each log has come to. */
  readonly cleanOffsets: OffsetCheckpoint;
  readonly #last: LastShutdown;
  readonly #wasUnmarked: boolean;
  /** Partition directories that this process has not looked into: after a crash they may hold torn tails. */
  readonly #unopened: Set<string>;
  #failed: Error | null = null;
  /** Logs that are being opened. */
  #opening = 0;
  readonly #removals = new Set<Promise<void>>();
  /** Where recovery points must not go up from now, by partition: one for each truncation under way. */
  readonly #holds = new Map<string, Set<{ readonly offset: number }>>();
  /** Deleted logs whose last work may still be under way; a new one of the same name waits for it. */
  readonly #ending = new Map<string, Promise<unknown>>();

  private constructor(
    options: LogsOptions,
    found: { directoryId: string; last: LastShutdown; wasUnmarked: boolean; mayHaveLost: boolean },
  ) {
    const { files, directory } = options;
    this.#options = options;
    this.directoryId = found.directoryId;
    this.mayHaveLost = found.mayHaveLost;
    this.#last = found.last;
    this.#wasUnmarked = found.wasUnmarked;
    this.#recoveries = new Turns(options.recoveriesAtOnce);
    this.#syncs = new Turns(options.syncsAtOnce);
    this.#recoveryPoints = new OffsetCheckpoint(files, join(directory, "recovery-point-offset-checkpoint"));
    this.#highs = new OffsetCheckpoint(files, join(directory, "replication-offset-checkpoint"));
    this.#starts = new OffsetCheckpoint(files, join(directory, "log-start-offset-checkpoint"));
    this.cleanOffsets = new OffsetCheckpoint(files, join(directory, "cleaner-offset-checkpoint"));
    this.#unopened = new Set(files.list(directory).filter((name) => parsePartitionName(name) !== null));
  }

  /** Throws ForeignDirectoryError when the directory belongs to another cluster or broker. */
  static async open(options: LogsOptions): Promise<Logs> {
    const { files, directory } = options;
    await makeDurableDirectory(files, directory);
    const directoryId = await claimDirectory(files, directory, options);
    const last = await takeCleanShutdown(files, directory);
    const wasUnmarked = isUnmarked(files, directory);
    const found = { directoryId, last, wasUnmarked, mayHaveLost: await mayHaveLost(files, directory, last) };
    const logs = new Logs(options, found);
    for (const name of files.list(directory)) if (isDeletedName(name)) logs.#removeLater(name);
    return logs;
  }

  /** Partitions here, or about to be. */
  get count(): number {
    return this.#open.size + this.#opening + this.#unopened.size;
  }

  has({ topic, partition }: Omit<PartitionId, "topicId">): boolean {
    const name = partitionName(topic, partition);
    return this.#open.has(name) || this.#options.files.exists(join(this.#options.directory, name));
  }

  /** The topic of the partition that is here; null: it does not say. */
  topicIdOf({ topic, partition }: Omit<PartitionId, "topicId">): string | null {
    return readTopicId(this.#options.files, join(this.#options.directory, partitionName(topic, partition)));
  }

  /** The disk under this directory has failed: every log is fenced, and nothing is written here any more (RELIABILITY L-08, KIP-112). */
  fail(error: Error): void {
    this.#failed ??= error;
    for (const { log } of this.#open.values()) log.fail(error);
    const { files, directory, logger } = this.#options;
    unmarkBoot(files, directory).catch((cause: unknown) => {
      logger.warn({ evt: "mark-kept", directory, err: cause }, "can't take the mark off a directory that has failed");
    });
  }

  /** Lets go of all logs as they are. */
  async abandon(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map(({ log }) => log.abandon()));
  }

  /** The last process closed its logs in order. */
  get cleanShutdown(): boolean {
    return this.#last.clean;
  }

  /** Ids of the broker's data directories, as an earlier process noted them here. */
  get noted(): string[] {
    return notedDirectories(this.#options.files, this.#options.directory);
  }

  /** Whoever starts without one of these has lost something. */
  note(directoryIds: readonly string[]): Promise<void> {
    return noteDirectories(this.#options.files, this.#options.directory, directoryIds);
  }

  /** The cluster has been told: the next process answers for what is written from here on, if it has these directories. */
  async answered(directoryIds: readonly string[]): Promise<void> {
    const { files, directory, flush } = this.#options;
    await this.note(directoryIds);
    await markBoot(files, directory, { synced: flush === "group" });
  }

  /** Partitions that have a directory here, open or not. */
  stored(): { topic: string; partition: number; topicId: string | null }[] {
    const { files, directory } = this.#options;
    return files.list(directory).flatMap((name) => {
      const parsed = parsePartitionName(name);
      return parsed === null ? [] : [{ ...parsed, topicId: readTopicId(files, join(directory, name)) }];
    });
  }

  /**
   * Opens a partition's log, or makes it. A directory that an older topic of the same name left is removed first: its records must
   * never come back (RELIABILITY P-23). `derive` makes the state that is kept beside the log, for the partition's directory.
   */
  async openLog<Derived extends DerivedState>(
    id: PartitionId,
    options: { config: () => LogConfig; derive: (directory: string) => Derived },
  ): Promise<{ log: Log; derived: Derived }> {
    const name = partitionName(id.topic, id.partition);
    assert(!this.#open.has(name), `${name} is opened once`);
    this.#opening++;
    try {
      return await this.#openLog(name, id, options);
    } finally {
      this.#opening--;
    }
  }

  /** The high watermark as last saved; 0 when it never was. */
  savedHigh(topic: string, partition: number): number {
    return this.#highs.get(topic, partition) ?? 0;
  }

  /** Saves the high watermarks given (KIP-101 makes them a hint, never a place to truncate to). */
  async saveHighs(highs: Iterable<{ topic: string; partition: number; offset: number }>): Promise<void> {
    for (const high of highs) this.#highs.set(high);
    await this.#highs.save();
  }

  /** Brings the index files of all open logs up to date. */
  saveIndexes(): void {
    for (const { log } of this.#open.values()) log.saveIndexes();
  }

  /** Saves recovery points when a segment that is sealed and on stable storage would be read again after a crash (RELIABILITY L-21). */
  async saveSealed(): Promise<void> {
    for (const { id, log } of this.#open.values()) {
      const { end } = log.sealed;
      if (end === 0 || log.synced < end) continue; // nearly all, once a second
      if (end <= (this.#recoveryPoints.get(id.topic, id.partition) ?? 0)) continue;
      await this.saveCheckpoints();
      return;
    }
  }

  /** Saves recovery points and log start offsets of all open logs. */
  async saveCheckpoints(): Promise<void> {
    for (const [name, { id, log }] of this.#open)
      this.#recoveryPoints.set({ ...id, offset: Math.min(log.synced, this.#heldAt(name)) });
    await this.#recoveryPoints.save();
    await this.saveStarts();
  }

  /**
   * To be awaited before a truncation to `to`: from then on a start after a crash checks all from there on, for what is written after the
   * cut may come to the disk in part and before the cut itself; and the cut may be made in front of `to`, where a batch begins. Call what
   * it returns when the truncation is done, or given up.
   */
  async holdRecoveryPoint({ topic, partition }: PartitionId, to: number): Promise<() => void> {
    const name = partitionName(topic, partition);
    const offset = Math.min(to, this.#open.get(name)?.log.sealed.startOf(to) ?? 0);
    const release = this.#hold(name, offset);
    const stored = this.#recoveryPoints.get(topic, partition) ?? 0;
    if (stored > offset) this.#recoveryPoints.set({ topic, partition, offset });
    try {
      // Also when it is low enough already: that save may be under way, or have failed.
      await this.#recoveryPoints.save();
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Saves the log start offsets of all open logs: what was deleted below them stays deleted. */
  async saveStarts(): Promise<void> {
    for (const { id, log } of this.#open.values()) {
      if (log.start > 0) this.#starts.set({ ...id, offset: log.start });
      else this.#starts.delete(id.topic, id.partition);
    }
    await this.#starts.save();
  }

  /** Lets go of a partition's log and leaves its directory where it is. */
  async closeLog(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition);
    const open = this.#open.get(name);
    if (open === undefined) return;
    await open.log.close();
    this.#recoveryPoints.set({ topic, partition, offset: open.log.synced });
    this.#open.delete(name);
  }

  /** Removes a partition with all its records: renamed at once, gone a moment later. */
  deleteLog(topic: string, partition: number): void {
    const name = partitionName(topic, partition);
    const ended = this.#open.get(name)?.log.abandon() ?? Promise.resolve();
    const ending = Promise.all([ended, this.#ending.get(name)]).finally(() => {
      if (this.#ending.get(name) === ending) this.#ending.delete(name);
    });
    this.#ending.set(name, ending);
    this.#open.delete(name);
    this.#holds.delete(name);
    if (this.#failed !== null) return;
    this.#giveUp(name);
    for (const checkpoint of [this.#recoveryPoints, this.#highs, this.#starts, this.cleanOffsets])
      checkpoint.delete(topic, partition);
  }

  /**
   * Closes all logs and, when every one of them is whole on disk, marks the shutdown as clean: the last thing written.
   * The first log that can't be closed rejects, after all have been tried.
   */
  async close(): Promise<void> {
    const { files, directory, logger } = this.#options;
    const closed = await Promise.allSettled([...this.#open.values()].map(({ log }) => log.close()));
    const failed = closed.find((one) => one.status === "rejected");
    this.#holds.clear();
    const healthy = [...this.#open.values()].every(({ log }) => log.failed === null);
    await this.saveCheckpoints();
    await this.#highs.save();
    await Promise.all(this.#removals);
    if (failed !== undefined || !healthy) await unmarkBoot(files, directory);
    if (failed !== undefined) throw new Error(`a log in ${directory} could not be closed`, { cause: failed.reason });
    if (!healthy) {
      logger.warn({ evt: "unclean-shutdown" }, "a log has failed: the next start checks them all");
      return;
    }
    const unchecked = [...this.#unopened].filter((name) => !this.#wasClean(name));
    await markCleanShutdown(files, directory, unchecked);
  }

  async #openLog<Derived extends DerivedState>(
    name: string,
    id: PartitionId,
    options: { config: () => LogConfig; derive: (directory: string) => Derived },
  ): Promise<{ log: Log; derived: Derived }> {
    const directory = join(this.#options.directory, name);
    await this.#prepare(directory, id);
    const derived = options.derive(directory);
    const startOffset = this.#starts.get(id.topic, id.partition);
    const log = await this.#recoveries.take(() =>
      Log.open({
        ...this.#options,
        directory,
        logger: this.#options.logger.child({ partition: name }),
        pool: this.#pool,
        config: options.config,
        derived,
        syncs: this.#syncs,
        acknowledges: this.#options.flush === "group" ? "synced" : "written",
        cleanShutdown: this.#unopened.has(name) && this.#wasClean(name),
        recoveryPoint: this.#recoveryPoints.get(id.topic, id.partition) ?? 0,
        rewrites: this.#wasUnmarked,
        ...(startOffset === undefined ? {} : { startOffset }),
      }),
    );
    this.#unopened.delete(name);
    this.#open.set(name, { id, log });
    return { log, derived };
  }

  /** Returns what takes back this hold and no other. */
  #hold(name: string, offset: number): () => void {
    const holds = this.#holds.get(name) ?? new Set();
    this.#holds.set(name, holds);
    const hold = { offset };
    holds.add(hold);
    return () => void holds.delete(hold);
  }

  #heldAt(name: string): number {
    return Math.min(Infinity, ...[...(this.#holds.get(name) ?? [])].map(({ offset }) => offset));
  }

  #wasClean(name: string): boolean {
    return this.#last.clean && !this.#last.unchecked.has(name);
  }

  async #prepare(directory: string, id: PartitionId): Promise<void> {
    const { files, logger } = this.#options;
    const name = partitionName(id.topic, id.partition);
    const stored = files.exists(directory) ? readTopicId(files, directory) : null;
    if (stored === id.topicId) return;
    if (stored !== null) {
      logger.warn(
        { evt: "stale-topic", partition: name, stored, current: id.topicId },
        "removing an older topic's log",
      );
      this.deleteLog(id.topic, id.partition);
    }
    await this.#ending.get(name);
    await this.#makings.take(async () => {
      files.makeDirectory(directory);
      await Promise.all([writeTopicId(files, directory, id.topicId), files.syncDirectory(this.#options.directory)]);
    });
  }

  #giveUp(name: string): void {
    const { files, directory, random } = this.#options;
    this.#unopened.delete(name);
    if (!files.exists(join(directory, name))) return;
    const deleted = deletedName(name, randomUuid(random));
    files.rename(join(directory, name), join(directory, deleted));
    this.#removeLater(deleted);
  }

  #removeLater(name: string): void {
    const { files, directory, logger } = this.#options;
    const removal = files.removeDirectory(join(directory, name)).catch((error: unknown) => {
      logger.warn(
        { evt: "removal-failed", name, err: error },
        "cannot remove a deleted partition; the next start tries",
      );
    });
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }
}
