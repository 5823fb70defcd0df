import { type Clock, FileError, lacksDescriptor, type Logger } from "@odradek/kit";
import { ForeignDirectoryError } from "../disk/meta-properties.ts";
import type { DerivedState } from "./derived-state.ts";
import type { LogConfig } from "./log-config.ts";
import type { Log } from "./log.ts";
import { Logs, type LogsOptions, type PartitionId } from "./logs.ts";

/** One of the broker's data directories. `logs`: null when it could not be opened; `failed`: why nothing is served from it any more. */
export type DataDirectory = { readonly path: string; readonly logs: Logs | null; failed: Error | null };

/** What work that comes again waits for a directory before it goes on without it. */
const PATIENCE_MS = 30_000;

/** Syncs at the same time: their commits join in the file system's journal, and one of libuv's four threads is left for the rest. */
const SYNCS_AT_ONCE = 3;

type HealthyDirectory = DataDirectory & { logs: Logs };

type Opening<Derived> = {
  config: () => LogConfig;
  derive: (directory: string) => Derived;
  /** Nothing of the partition was ever stored here. */
  isNew: boolean;
};

/** What was stored of the partition may lie in a directory that has failed: nothing is made in its place (KIP-112). */
export class OfflineReplicaError extends Error {
  override readonly name = "OfflineReplicaError";
}

/** Two directories have a partition: one was away while the other got it. Nobody can say here which has what was acknowledged. */
export class DoubledReplicaError extends Error {
  override readonly name = "DoubledReplicaError";

  constructor({ topic, partition }: PartitionId, directories: readonly DataDirectory[]) {
    const paths = directories.map(({ path }) => path).join(" and ");
    super(`${topic}-${partition} is in ${paths}: remove the older one`);
  }
}

/**
 * The broker's data directories (log.dirs). A partition lives in one of them, a new one in that with the fewest. The first error of a directory's
 * disk ends it and all its logs, for good; the others go on (RELIABILITY L-08, L-12).
 */
export class Directories {
  readonly list: readonly DataDirectory[];
  /** Called when a directory has failed; its logs have failed before. */
  onFailed: (directory: DataDirectory) => void = () => {};
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** Who waits for work in a directory. */
  readonly #waiting = new Set<{ path: string; resolve: () => void }>();
  /** Directories that have not answered for long. */
  readonly #hanging = new Set<string>();
  readonly #homes = new Map<string, DataDirectory>();

  /** Directories that earlier processes had. */
  readonly #noted: ReadonlySet<string>;
  readonly #isOneMissing: boolean;

  private constructor(list: readonly DataDirectory[], { logger, clock }: { logger: Logger; clock: Clock }) {
    this.list = list;
    this.#logger = logger;
    this.#clock = clock;
    this.#noted = new Set(this.#healthy.flatMap(({ logs }) => logs.noted));
    const here = new Set(this.#healthy.map(({ logs }) => logs.directoryId));
    this.#isOneMissing = [...this.#noted].some((id) => !here.has(id));
  }

  /** Opens those that can be opened; throws when none can, or when one belongs to another broker. */
  static async open({
    directories,
    ...options
  }: Omit<LogsOptions, "directory" | "syncsAtOnce"> & { directories: readonly string[] }) {
    const list: DataDirectory[] = [];
    // A share each: a disk that hangs must not take the threads of the others.
    const syncsAtOnce = Math.max(1, Math.floor(SYNCS_AT_ONCE / directories.length));
    for (const path of directories)
      try {
        list.push({ path, logs: await Logs.open({ ...options, directory: path, syncsAtOnce }), failed: null });
      } catch (error) {
        if (!isDisks(error) || error instanceof ForeignDirectoryError) throw error;
        options.logger.error({ evt: "directory-failed", path, err: error }, "a data directory can't be opened");
        list.push({ path, logs: null, failed: error });
      }
    if (list.every(({ failed }) => failed !== null)) throw list[0]!.failed!;
    return new Directories(list, options);
  }

  /** No directory is left. */
  get isLost(): boolean {
    return this.list.every(({ failed }) => failed !== null);
  }

  get cleanShutdown(): boolean {
    return this.#healthy.every(({ logs }) => logs.cleanShutdown);
  }

  /**
   * What earlier processes wrote may be gone: a directory says so, can't be used, or was there and is not any more. What was in that one may
   * have been the broker's word that it has everything, and nothing else would tell that it is missing.
   */
  get mayHaveLost(): boolean {
    return !this.#isWhole || this.#isOneMissing || this.#healthy.some(({ logs }) => logs.mayHaveLost);
  }

  /** Where compaction of each log has come to. */
  readonly cleanOffsets = {
    get: (topic: string, partition: number): number | undefined =>
      this.#logsOf(topic, partition)?.cleanOffsets.get(topic, partition),
    set: (line: { topic: string; partition: number; offset: number }): void =>
      this.#logsOf(line.topic, line.partition)?.cleanOffsets.set(line),
    save: (): Promise<void> => this.#round((logs) => logs.cleanOffsets.save()),
  };

  /** The cluster has been told what may be lost. As long as a directory can't be used, those that are missed are not forgotten. */
  answered(): Promise<void> {
    const here = this.#healthy.map(({ logs }) => logs.directoryId);
    const ids = this.#isWhole ? here : [...new Set([...this.#noted, ...here])];
    return this.#each((logs) => logs.answered(ids));
  }

  stored(): ReturnType<Logs["stored"]> {
    return this.#healthy.flatMap(({ logs }) => logs.stored());
  }

  /**
   * Throws OfflineReplicaError while a directory has failed and the partition is in none of the others, unless it is new, and
   * DoubledReplicaError when it is in more than one.
   */
  async openLog<Derived extends DerivedState>(
    id: PartitionId,
    { isNew, ...options }: Opening<Derived>,
  ): Promise<{ log: Log; derived: Derived }> {
    const { current, older } = this.#holdersOf(id);
    if (current.length > 1) throw new DoubledReplicaError(id, current);
    if (current.length === 0 && !isNew && !this.#isWhole)
      throw new OfflineReplicaError(`${id.topic}-${id.partition} may be in a data directory that has failed`);
    const home = current[0] ?? this.#emptiest();
    // What an older topic of the same name left must never come back (P-23).
    for (const { logs } of older) logs.deleteLog(id.topic, id.partition);
    this.#homes.set(keyOf(id.topic, id.partition), home);
    try {
      return await home.logs.openLog(id, options);
    } catch (error) {
      // Nothing of the partition may be to be seen on a disk that dies: the next try must not take it for new.
      const cause = diskErrorIn(error);
      if (cause !== null) this.#fail(home, cause);
      throw error;
    }
  }

  savedHigh(topic: string, partition: number): number {
    return this.#logsOf(topic, partition)?.savedHigh(topic, partition) ?? 0;
  }

  /** Saves the high watermarks given, each where its partition is. */
  saveHighs(highs: Iterable<{ topic: string; partition: number; offset: number }>): Promise<void> {
    const all = [...highs];
    return this.#round((logs) =>
      logs.saveHighs(all.filter(({ topic, partition }) => this.#logsOf(topic, partition) === logs)),
    );
  }

  saveIndexes(): void {
    for (const { logs } of this.#healthy) logs.saveIndexes();
  }

  saveSealed(): Promise<void> {
    return this.#round((logs) => logs.saveSealed());
  }

  saveCheckpoints(): Promise<void> {
    return this.#round((logs) => logs.saveCheckpoints());
  }

  saveStarts(): Promise<void> {
    return this.#each((logs) => logs.saveStarts());
  }

  async holdRecoveryPoint(id: PartitionId, offset: number): Promise<() => void> {
    const home = this.directoryOf(id.topic, id.partition);
    if (home === null || home.failed !== null || home.logs === null) return () => {};
    try {
      return await home.logs.holdRecoveryPoint(id, offset);
    } catch (error) {
      if (isDisks(error)) this.#fail(home, error);
      throw error;
    }
  }

  /** Wherever it is. */
  deleteLog(topic: string, partition: number): void {
    const home = this.#homes.get(keyOf(topic, partition));
    this.#homes.delete(keyOf(topic, partition));
    if (home !== undefined) return home.logs?.deleteLog(topic, partition);
    for (const { logs } of this.#healthy) if (logs.has({ topic, partition })) logs.deleteLog(topic, partition);
  }

  /** The log of this partition has failed: so has its directory. */
  failedUnder(topic: string, partition: number, error: Error): void {
    const home = this.#homes.get(keyOf(topic, partition));
    if (home !== undefined && !lacksDescriptor(error)) this.#fail(home, error);
  }

  /** The directory of a partition that is open. */
  directoryOf(topic: string, partition: number): DataDirectory | null {
    return this.#homes.get(keyOf(topic, partition)) ?? null;
  }

  /** Closes what is healthy in order; the rest is let go of as it is. */
  async close(): Promise<void> {
    const closing = this.list.map(async ({ logs, failed }) => (failed === null ? logs?.close() : logs?.abandon()));
    const closed = await Promise.allSettled(closing);
    const failed = closed.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Who has something of this partition. What does not say of which topic it is was begun by a process that ended. */
  #holdersOf(id: PartitionId): { current: HealthyDirectory[]; older: HealthyDirectory[] } {
    const holders = this.#healthy.filter(({ logs }) => logs.has(id));
    const isCurrent = ({ logs }: HealthyDirectory): boolean => (logs.topicIdOf(id) ?? id.topicId) === id.topicId;
    return { current: holders.filter(isCurrent), older: holders.filter((one) => !isCurrent(one)) };
  }

  #emptiest(): HealthyDirectory {
    return this.#healthy.toSorted((one, other) => one.logs.count - other.logs.count)[0]!;
  }

  get #isWhole(): boolean {
    return this.#healthy.length === this.list.length;
  }

  get #healthy(): HealthyDirectory[] {
    return this.list.filter((one): one is HealthyDirectory => one.failed === null && one.logs !== null);
  }

  #logsOf(topic: string, partition: number): Logs | null {
    const home = this.#homes.get(keyOf(topic, partition));
    return home?.failed === null ? home.logs : null;
  }

  /** Runs the work in all directories at once. */
  async #each(work: (logs: Logs) => Promise<void>): Promise<void> {
    await Promise.all(this.#healthy.map((directory) => this.#in(directory, work)));
  }

  /**
   * The same for work that comes again: a directory whose disk hangs holds the others up for a while, once, and is then left alone until it
   * has done what it was asked.
   */
  async #round(work: (logs: Logs) => Promise<void>): Promise<void> {
    const answering = this.#healthy.filter(({ path }) => !this.#hanging.has(path));
    const rounds = answering.map(async (directory) => {
      const { path } = directory;
      const patience = Promise.withResolvers<void>();
      const cancel = this.#clock.timer(PATIENCE_MS, () => {
        this.#hanging.add(path);
        patience.resolve();
      });
      const working = (logs: Logs): Promise<void> => work(logs).finally(() => this.#hanging.delete(path));
      await Promise.race([this.#in(directory, working), patience.promise]).finally(cancel);
    });
    await Promise.all(rounds);
  }

  /** Resolves when the work is done, or nobody waits for it any more: its directory has failed, with it or before. */
  async #in(directory: HealthyDirectory, work: (logs: Logs) => Promise<void>): Promise<void> {
    const over = Promise.withResolvers<void>();
    const waiting = { path: directory.path, resolve: over.resolve };
    this.#waiting.add(waiting);
    try {
      await Promise.race([this.#work(directory, work), over.promise]);
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  async #work(directory: HealthyDirectory, work: (logs: Logs) => Promise<void>): Promise<void> {
    try {
      await work(directory.logs);
    } catch (error) {
      if (!isDisks(error)) throw error;
      this.#fail(directory, error);
    }
  }

  /** The disk may not take it off its own mark, so the others say that it is not what it was: they name a directory that nobody has. */
  async #noteFailure({ logs: failed }: DataDirectory): Promise<void> {
    if (failed === null) return;
    const here = this.#healthy.map(({ logs }) => logs.directoryId);
    const ids = [...this.#noted, ...here, failed.directoryId, `${failed.directoryId}:failed`];
    await this.#each((logs) => logs.note([...new Set(ids)]));
  }

  #fail(directory: DataDirectory, error: Error): void {
    if (directory.failed !== null) return;
    directory.failed = error;
    this.#logger.error({ evt: "directory-failed", path: directory.path, err: error }, "a data directory has failed");
    directory.logs?.fail(error);
    void this.#noteFailure(directory);
    for (const { path, resolve } of this.#waiting) if (path === directory.path) resolve();
    this.onFailed(directory);
  }
}

/** The disk's fault, and not that of a process with too many files open (RELIABILITY L-25). */
const isDisks = (error: unknown): error is FileError => error instanceof FileError && !lacksDescriptor(error);

/** The error of the disk that is behind another one. */
function diskErrorIn(error: unknown): FileError | null {
  for (let each = error; each instanceof Error; each = each.cause) if (isDisks(each)) return each;
  return null;
}

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`;
