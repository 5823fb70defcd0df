import { type Clock, delay, type Logger } from "@odradek/kit";
import { batchesIn, buildBatch, ErrorCode, type LogRecord, readBatch, type RecordDraft } from "@odradek/protocol";
import type { Partition } from "../partition/partition.ts";

/** What a shard runs: state that only records change. */
export type Machine<R> = {
  replay(record: R): void;
  /** The shard is thrown away; whoever waits gets this answer. */
  close(errorCode: ErrorCode): void;
};

export type ShardOptions<R> = {
  readonly partition: Partition;
  /** The leadership this shard stands on: it ends with it (G-06). */
  readonly leaderEpoch: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly appendTimeoutMs: number;
  readonly toRecord: (record: R) => RecordDraft;
  /** Null: not for us. */
  readonly fromRecord: (record: LogRecord) => R | null;
};

const READ_BYTES_MAX = 4 * 1024 * 1024;
const RECORDS_PER_BATCH_MAX = 1000;
/** A wait for the high watermark that is taken up again as long as we lead. */
const CATCH_UP_MS = 5000;

/**
 * One partition of an internal topic as its leader's state machine: loaded by replaying the whole log, changed by appending records that
 * are replayed at once, so the next decision sees them, and answered for when they are committed. When an append fails or
 * leadership is lost nobody can know what the log holds, so the shard is thrown away and loaded anew (G-05, G-06).
 */
export class Shard<R, M extends Machine<R>> {
  readonly leaderEpoch: number;
  readonly machine: M;
  /** Resolves when the log has been replayed; false when the shard was closed before. */
  readonly loaded: Promise<boolean>;
  readonly #options: ShardOptions<R>;
  #closedWith: ErrorCode | null = null;
  #lastAppend: Promise<ErrorCode> = Promise.resolve(ErrorCode.NONE);

  constructor(options: ShardOptions<R>, machineOf: (shard: Shard<R, M>) => M, onLoaded: (machine: M) => void) {
    this.#options = options;
    this.leaderEpoch = options.leaderEpoch;
    this.machine = machineOf(this);
    this.loaded = this.#load(onLoaded);
  }

  get isClosed(): boolean {
    return this.#closedWith !== null;
  }

  /** Whether the partition is still led with the epoch this shard was made for. */
  get isCurrent(): boolean {
    const { role } = this.#options.partition;
    return !this.isClosed && role.is === "leader" && role.leaderEpoch === this.leaderEpoch;
  }

  /** Appends and replays at once; resolves NONE when committed, else with the code to answer: the shard is gone then. */
  persist(records: readonly R[]): Promise<ErrorCode> {
    if (this.#closedWith !== null) return Promise.resolve(this.#closedWith);
    for (let at = 0; at < records.length; at += RECORDS_PER_BATCH_MAX)
      this.#lastAppend = this.#append(records.slice(at, at + RECORDS_PER_BATCH_MAX));
    return this.#lastAppend;
  }

  /** Resolves NONE when everything appended so far is committed: what is read now can't be lost any more. */
  committed(): Promise<ErrorCode> {
    return this.#closedWith === null ? this.#lastAppend : Promise.resolve(this.#closedWith);
  }

  close(errorCode: ErrorCode): void {
    if (this.#closedWith !== null) return;
    this.#closedWith = errorCode;
    this.machine.close(errorCode);
  }

  async #append(records: readonly R[]): Promise<ErrorCode> {
    const { partition, clock, toRecord, appendTimeoutMs, logger } = this.#options;
    const batch = buildBatch({ records: records.map(toRecord), timestamp: clock.wallMs() });
    const appending = partition.append(batch, { acks: -1, timeoutMs: appendTimeoutMs, origin: "coordinator" });
    for (const record of records) this.machine.replay(record);
    const { error } = await appending;
    if (this.#closedWith !== null) return this.#closedWith;
    if (error === ErrorCode.NONE) return ErrorCode.NONE;
    const { topic, index } = partition;
    logger.warn({ topic, partition: index, error }, "a coordinator's append failed; it is loaded anew");
    const errorCode = coordinatorError(error);
    this.close(errorCode);
    return errorCode;
  }

  async #load(onLoaded: (machine: M) => void): Promise<boolean> {
    const { partition, logger, clock } = this.#options;
    const { topic, index } = partition;
    const startedMs = clock.now();
    try {
      const records = await this.#replayLog();
      if (this.isClosed) return false;
      onLoaded(this.machine);
      logger.debug({ topic, partition: index, records, tookMs: clock.now() - startedMs }, "loaded a coordinator");
      return true;
    } catch (cause) {
      logger.error({ err: cause, topic, partition: index }, "could not load a coordinator");
      this.close(ErrorCode.NOT_COORDINATOR);
      return false;
    }
  }

  /** Replays what a new leader found in its log; all of it will be committed, so it waits until it is. */
  async #replayLog(): Promise<number> {
    const { partition, clock } = this.#options;
    const { end } = partition;
    while (this.isCurrent && partition.high.value < end) {
      const outcome = await partition.high.reached(end, { timeoutMs: CATCH_UP_MS });
      if (outcome === "closed") break;
    }
    let count = 0;
    for (let offset = partition.start; offset < end && this.#stillLeads();) {
      const { next, records } = this.#replayFrom(offset);
      if (next <= offset)
        throw new Error(`the log of ${partition.topic}-${partition.index} ends at ${offset} of ${end}`);
      count += records;
      offset = next;
      await delay(clock, 0); // a large log must not hold up everybody else
    }
    this.#stillLeads();
    return count;
  }

  #stillLeads(): boolean {
    if (!this.isCurrent) this.close(ErrorCode.NOT_COORDINATOR);
    return !this.isClosed;
  }

  #replayFrom(offset: number): { next: number; records: number } {
    const { partition, fromRecord } = this.#options;
    const read = partition.read({
      offset,
      bytesMax: READ_BYTES_MAX,
      oneBatchAtLeast: true,
      leaderEpoch: -1,
      lastFetchedEpoch: -1,
      isolation: "uncommitted",
    });
    if (read.error !== ErrorCode.NONE) throw new Error(`error ${read.error} reading at ${offset}`);
    let next = offset;
    let records = 0;
    try {
      for (const batch of batchesIn(read.records ?? Buffer.alloc(0))) {
        next = batch.nextOffset;
        if (batch.isControl) continue;
        for (const record of readBatch(batch)) {
          const parsed = record.offset < offset ? null : fromRecord(record);
          if (parsed !== null) this.machine.replay(parsed);
          records++;
        }
      }
    } finally {
      read.release();
    }
    return { next, records };
  }
}

/** How clients are told that the log of a coordinator did not take a record: by what they should do about it. */
function coordinatorError(error: number): ErrorCode {
  switch (error) {
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR;
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    default:
      return ErrorCode.UNKNOWN_SERVER_ERROR;
  }
}
