import { silentLogger, type Files } from "@odradek/kit";
import { MemoryFiles, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { Batch, batchesIn, buildBatch, readBatch } from "@odradek/protocol";
import { ReadPool } from "../disk/read-pool.ts";
import type { LogConfig } from "../log/log-config.ts";
import type { LogOptions } from "../log/log-options.ts";
import { Log } from "../log/log.ts";
import { Turns } from "../log/turns.ts";
import { DerivedPartitionState } from "../partition/derived-partition-state.ts";

export const DIRECTORY = "/data/words-0";

export const logConfig: LogConfig = {
  segmentBytes: 1024,
  segmentMs: Infinity,
  segmentJitterMs: 0,
  indexIntervalBytes: 200,
  segmentIndexBytes: 10 * 1024 * 1024,
  retentionMs: Infinity,
  retentionBytes: Infinity,
  cleanupPolicy: { delete: true, compact: false },
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Infinity,
  deleteRetentionMs: 86_400_000,
  flushMessages: Infinity,
  flushMs: Infinity,
  fileDeleteDelayMs: 60_000,
};

/** The disk as one life of the process has it: what a dead process still meant to do it does not do. */
class Life {
  readonly files: Files;
  #isOver = false;

  constructor(files: Files) {
    this.files = new Proxy(files, {
      get: (disk, name) => {
        if (this.#isOver) throw new Error("the process is gone");
        const member: unknown = Reflect.get(disk, name);
        return typeof member === "function" ? (member.bind(disk) as unknown) : member;
      },
    });
  }

  end(): void {
    this.#isOver = true;
  }
}

/** One log on a disk in memory, with its derived state, that can be opened again after any end. */
export class LogFixture {
  readonly clock: VirtualClock;
  readonly pool = new ReadPool();
  readonly files: Files;
  acknowledges!: LogOptions["acknowledges"];
  config = logConfig;
  derived!: DerivedPartitionState;
  log!: Log;
  #life: Life | null = null;

  private constructor(files: Files, clock: VirtualClock) {
    this.files = files;
    this.clock = clock;
  }

  static async open(
    config: Partial<LogConfig> = {},
    files: Files = memoryFiles(),
    options: { clock?: VirtualClock; acknowledges?: LogOptions["acknowledges"] } = {},
  ): Promise<LogFixture> {
    for (const directory of ["/", "/data"]) await files.syncDirectory(directory);
    const fixture = new LogFixture(files, options.clock ?? new VirtualClock());
    fixture.acknowledges = options.acknowledges ?? "written";
    fixture.config = { ...logConfig, ...config };
    await fixture.reopen();
    return fixture;
  }

  /** Opens the log; by default as after a crash of a process that never synced anything. */
  async reopen(
    options: Partial<Pick<LogOptions, "cleanShutdown" | "recoveryPoint" | "startOffset">> = {},
  ): Promise<void> {
    this.#life?.end();
    const life = new Life(this.files);
    this.#life = life;
    this.derived = new DerivedPartitionState(life.files, DIRECTORY);
    this.log = await Log.open({
      directory: DIRECTORY,
      files: life.files,
      clock: this.clock,
      random: new SeededRandom(1),
      logger: silentLogger,
      pool: this.pool,
      config: () => this.config,
      derived: this.derived,
      syncs: new Turns(1),
      acknowledges: this.acknowledges,
      cleanShutdown: false,
      recoveryPoint: 0,
      ...options,
    });
  }

  /** Appends one batch as a leader would; `written` follows with `tick`. */
  append(records: Buffer, leaderEpoch = 0): { baseOffset: number; lastOffset: number } {
    return this.log.append(records, [...batchesIn(records)], leaderEpoch);
  }

  tick(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Values of all records from `from` on, read in pieces of `bytesMax`. */
  values(from = this.log.start, bytesMax = 500): string[] {
    return [...this.records(from, bytesMax)].map((record) => String(record.value));
  }

  *records(from: number, bytesMax = 500): Generator<ReturnType<typeof readBatch>[number]> {
    let next = from;
    for (;;) {
      const read = this.log.read(next, { bytesMax, upTo: this.log.end, oneBatchAtLeast: true });
      if (read === null) return;
      for (const batch of batchesIn(read.records)) {
        if (batch.crc !== batch.computeCrc()) throw new Error(`a corrupt batch was served at ${batch.baseOffset}`);
        for (const record of readBatch(new Batch(Buffer.from(batch.slice)))) if (record.offset >= from) yield record;
        next = batch.nextOffset;
      }
      read.release();
    }
  }
}

export function memoryFiles(seed = 1): MemoryFiles {
  const files = new MemoryFiles(seed);
  files.makeDirectory(DIRECTORY);
  return files;
}

/** A batch of these values; `timestamp` for all of them. */
export function batchOf(values: readonly string[], options: Partial<Parameters<typeof buildBatch>[0]> = {}): Buffer {
  return buildBatch({
    timestamp: 1_700_000_000_000,
    ...options,
    records: values.map((value) => ({ value: Buffer.from(value) })),
  });
}

export const headerOf = (records: Buffer): Batch => new Batch(records);
