import { type Files, silentLogger } from "@odradek/kit";
import { batchesIn, buildBatch, unpack, type BatchDraft, type RecordDraft } from "@odradek/protocol";
import { Compactor, type CompactorOptions } from "../compaction/compactor.ts";
import type { LogConfig } from "../log/log-config.ts";
import { LogFixture, memoryFiles } from "./log-fixture.ts";

const MAP_BYTES_MAX = 1024 * 1024;

/** A compacted log in memory, and the compactor that works on it. */
export class CompactedLog {
  readonly at: LogFixture;
  readonly clean = new Map<string, number>();
  mapBytesMax = MAP_BYTES_MAX;
  bytesPerSecondMax = Infinity;
  lastStable = Infinity;
  readonly told: string[] = [];
  /** How often compaction has run into damage. */
  damages = 0;

  constructor(at: LogFixture) {
    this.at = at;
  }

  static async open(config: Partial<LogConfig> = {}, files: Files = memoryFiles()): Promise<CompactedLog> {
    const cleanupPolicy = { delete: false, compact: true };
    const bounds = { segmentBytes: 400, minCleanableDirtyRatio: 0 };
    return new CompactedLog(await LogFixture.open({ cleanupPolicy, ...bounds, ...config }, files));
  }

  get log(): LogFixture["log"] {
    return this.at.log;
  }

  /** Appends one batch of `key=value` entries; a null value is a tombstone. */
  put(entries: readonly (readonly [string | null, string | null])[], draft: Partial<BatchDraft> = {}): number {
    const records = entries.map(([key, value]) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }));
    return this.append(records, draft);
  }

  append(records: readonly RecordDraft[], draft: Partial<BatchDraft> = {}): number {
    return this.at.append(buildBatch({ timestamp: this.at.clock.wallMs(), ...draft, records })).baseOffset;
  }

  /** A transaction marker of the producer. */
  mark(producer: { id: number; epoch: number }, type: "commit" | "abort"): number {
    const key = Buffer.from([0, 0, 0, type === "abort" ? 0 : 1]);
    const draft = { records: [{ key, value: Buffer.alloc(6) }], timestamp: this.at.clock.wallMs() };
    const batch = buildBatch({
      ...draft,
      producer: { ...producer, baseSequence: -1 },
      isTransactional: true,
      isControl: true,
    });
    return this.at.append(batch).baseOffset;
  }

  compactor(options: Partial<CompactorOptions> = {}): Compactor {
    const tell = (fields: unknown): void => void this.told.push(String((fields as { evt?: string }).evt));
    return new Compactor({
      clock: this.at.clock,
      logger: { ...silentLogger, info: tell, warn: tell, error: tell },
      cleanOffsets: {
        get: (topic) => this.clean.get(topic),
        set: ({ topic, offset }) => void this.clean.set(topic, offset),
        save: () => Promise.resolve(),
      },
      config: { bytesPerSecondMax: this.bytesPerSecondMax, mapBytesMax: this.mapBytesMax },
      logs: () => [
        {
          topic: "words",
          partition: 0,
          log: this.at.log,
          derived: this.at.derived,
          config: this.at.config,
          lastStable: Math.min(this.lastStable, this.at.log.written.value),
          damaged: () => void this.damages++,
        },
      ],
      ...options,
    });
  }

  /** Runs one round to its end. `step` is called at every turn of the loop. */
  async compact(step: () => void = () => {}, compactor = this.compactor()): Promise<void> {
    let ended = false;
    const round = compactor.round().finally(() => (ended = true));
    while (!ended) {
      await this.at.clock.advance(1);
      step();
    }
    await round;
  }

  /** What a reader gets: offset, key and value of all records. */
  entries(): { offset: number; key: string | null; value: string | null }[] {
    return [...this.at.records(this.log.start)].map(({ offset, key, value }) => ({
      offset,
      key: key === null ? null : String(key),
      value: value === null ? null : String(value),
    }));
  }

  /** All batches as they stand: offsets, records, and what compaction wrote into them. */
  batches(): { base: number; last: number; records: number; horizonMs: number | null; isControl: boolean }[] {
    const all = [];
    for (let from = this.log.start; from < this.log.end;) {
      const read = this.log.read(from, { bytesMax: 1000, upTo: this.log.end, oneBatchAtLeast: true });
      if (read === null) break;
      for (const batch of batchesIn(read.records)) {
        const { baseOffset: base, lastOffset: last, deleteHorizonMs: horizonMs, isControl } = batch;
        all.push({ base, last, records: unpack(batch).length, horizonMs, isControl });
      }
      from = read.nextOffset;
      read.release();
    }
    return all;
  }

  /** Closes the active segment: what stands in the log now can be compacted. */
  async roll(): Promise<void> {
    const { config } = this.at;
    this.at.config = { ...config, segmentBytes: 1 };
    this.put([["roll", String(this.log.end)]]);
    await this.at.tick();
    this.at.config = config;
  }
}
