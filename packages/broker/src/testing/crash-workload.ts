import { type Files, integerBelow, silentLogger } from "@odradek/kit";
import { MemoryFiles, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { Batch, batchesIn, buildBatch } from "@odradek/protocol";

import { Compactor } from "../compaction/compactor.ts";
import type { LogConfig } from "../log/log-config.ts";
import { Logs } from "../log/logs.ts";
import { DerivedPartitionState } from "../partition/derived-partition-state.ts";
import { type Entry, entryOf, type Known, type Recovered } from "./crash-model.ts";
import { logConfig } from "./log-fixture.ts";
import { type StepFiles, stepFiles } from "./step-files.ts";

/** The disk before one operation, and what must come back of it. */
export type CrashState = { readonly what: string; readonly disk: MemoryFiles; readonly known: readonly Known[] };

type Modelled = Omit<Known, "startMax" | "synced" | "stored"> & {
  live: Entry[];
  past: Entry[][];
  topicId: string;
  isChanging: boolean;
  /** What a change that is under way may leave of the log. */
  endMin: number;
  startMax: number;
  sequence: number;
  at: Recovered;
};

const plain: LogConfig = { ...logConfig, segmentBytes: 320, retentionBytes: 1200, fileDeleteDelayMs: 20 };
const compacted: LogConfig = {
  ...plain,
  cleanupPolicy: { delete: false, compact: true },
  minCleanableDirtyRatio: 0,
  retentionBytes: Infinity,
};

const idOf = (number: number): string => Buffer.alloc(16, number).toString("base64url");

export type Disk = {
  logs: Logs;
  open(topic: { topic: string; topicId: string; isCompacted: boolean }): Promise<Recovered>;
};

/** The data directory as a broker opens it. */
export async function openDisk(files: Files, clock: VirtualClock, flush: "kafka" | "group"): Promise<Disk> {
  const options = { clock, random: new SeededRandom(1), logger: silentLogger, clusterId: "c", nodeId: 1 };
  const logs = await Logs.open({ ...options, directory: "/data", files, recoveriesAtOnce: 1, syncsAtOnce: 3, flush });
  const open: Disk["open"] = ({ topic, topicId, isCompacted }) =>
    logs.openLog(
      { topic, partition: 0, topicId },
      {
        config: () => (isCompacted ? compacted : plain),
        derive: (directory) => new DerivedPartitionState(files, directory),
      },
    );
  return { logs, open };
}

/**
 * All that a broker does to a data directory, drawn from a seed: three logs are written, rolled, truncated, compacted, shortened, deleted and
 * made again, checkpoints are saved, the process ends in order or is killed. Before each operation the disk is copied.
 */
export class CrashWorkload {
  readonly states: CrashState[] = [];
  readonly clock = new VirtualClock();
  readonly flush: "kafka" | "group";
  readonly #random: SeededRandom;
  readonly #files: MemoryFiles;
  readonly #steps: StepFiles;
  readonly #topics: Modelled[] = [];
  #disk!: Disk;
  #epoch = 1;
  #count = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#files = new MemoryFiles(seed);
    this.#steps = stepFiles(this.#files);
    this.flush = seed % 2 === 0 ? "group" : "kafka";
  }

  async run(steps: number): Promise<void> {
    this.#disk = await openDisk(this.#steps, this.clock, this.flush);
    for (const [number, topic] of ["words", "keys", "brief"].entries()) {
      const id = { topic, topicId: idOf(number + 1), isCompacted: topic === "keys" };
      const at = await this.#disk.open(id);
      const model = { live: [], past: [], isChanging: false, endMin: Infinity, startMax: 0, sequence: 0 };
      this.#topics.push({ ...id, ...model, at });
    }
    this.#steps.onChange = (what) => this.#record(what);
    for (let step = 0; step < steps; step++) {
      await this.#passing(this.#step());
      if (this.#below(3) > 0) await this.clock.advance(this.#below(8));
    }
  }

  async #step(): Promise<void> {
    const topic = this.#topics[this.#below(3)]!;
    const dice = this.#below(100);
    if (dice < 55) return this.#append(topic);
    if (dice < 63) return this.#flush(topic);
    if (dice < 68) return this.#disk.logs.saveCheckpoints();
    if (dice < 71) return this.#disk.logs.saveIndexes();
    if (dice < 79) return this.#truncate(topic);
    if (dice < 80) return this.#startAnew(topic);
    if (dice < 87) return this.#retain(topic);
    if (dice < 93) return this.#compact();
    if (dice < 95) return this.#recreate();
    return this.#restart(dice < 97 ? "close" : "kill");
  }

  #append(topic: Modelled): void {
    const { log } = topic.at;
    const count = 1 + this.#below(3);
    const records = Buffer.concat(Array.from({ length: count }, () => this.#batch(topic)));
    const batches = [...batchesIn(records)];
    let end = log.end;
    // Told beforehand: a roll in the middle of them writes.
    topic.live = [
      ...topic.live,
      ...batches.map((batch) => {
        const copy = new Batch(Buffer.from(batch.slice));
        copy.baseOffset = end;
        copy.partitionLeaderEpoch = this.#epoch;
        end = copy.nextOffset;
        return entryOf(copy);
      }),
    ];
    topic.at.derived.epochs.begin(this.#epoch, log.end);
    log.append(records, batches, this.#epoch);
  }

  #batch(topic: Modelled): Buffer {
    const records = Array.from({ length: 1 + this.#below(2) }, () => {
      const value = `${this.#count++}`.padEnd(this.#below(60));
      return {
        key: Buffer.from(`k${this.#below(6)}`),
        value: topic.isCompacted && this.#below(8) === 0 ? null : Buffer.from(value),
      };
    });
    const producer = { id: 1 + this.#below(3), epoch: 0, baseSequence: topic.sequence };
    topic.sequence += records.length;
    const draft = { records, timestamp: this.clock.wallMs() - this.#below(20) };
    return buildBatch(this.#below(4) === 0 ? draft : { ...draft, producer });
  }

  async #flush(topic: Modelled): Promise<void> {
    const { past } = topic;
    await topic.at.log.flush();
    if (topic.past === past) topic.past = [];
  }

  async #truncate(topic: Modelled): Promise<void> {
    const { log } = topic.at;
    if (topic.isCompacted || log.end === log.start) return;
    const to = log.start + this.#below(log.end - log.start + 1);
    topic.past = [...topic.past, topic.live];
    await this.#changing(topic, to, () => log.truncateTo(to));
    topic.live = topic.live.filter(({ last }) => last < log.end);
    this.#epoch++;
  }

  async #startAnew(topic: Modelled): Promise<void> {
    const { log } = topic.at;
    if (topic.isCompacted) return;
    const start = Math.max(0, log.end - 2 + this.#below(4));
    topic.past = [...topic.past, topic.live, []];
    await this.#changing(topic, 0, () => {
      topic.startMax = Math.max(topic.startMax, start);
      log.truncateFullyAndStartAt(start);
    });
    topic.live = [];
    this.#epoch++;
  }

  async #changing(topic: Modelled, endMin: number, change: () => void): Promise<void> {
    const release = await this.#disk.logs.holdRecoveryPoint({ ...topic, partition: 0 }, endMin);
    Object.assign(topic, { isChanging: true, endMin });
    change();
    release();
    Object.assign(topic, { isChanging: false, endMin: Infinity });
  }

  async #retain(topic: Modelled): Promise<void> {
    const { log } = topic.at;
    if (topic.isCompacted) return;
    const high = Math.min(log.written.value, log.start + this.#below(log.end - log.start + 1));
    topic.startMax = Math.max(topic.startMax, high);
    if (this.#below(3) === 0) log.moveStart(high);
    log.deleteOldSegments(high);
    if (this.#below(2) === 0) await this.#disk.logs.saveStarts();
  }

  async #compact(): Promise<void> {
    const { cleanOffsets } = this.#disk.logs;
    const config = { bytesPerSecondMax: Infinity, mapBytesMax: 100_000 };
    const logs = () =>
      this.#topics.map(({ topic, isCompacted, at }) => {
        const { log, derived } = at;
        const lastStable = log.written.value;
        const of = { topic, partition: 0, log, derived, lastStable, damaged: () => {} };
        return { ...of, config: isCompacted ? compacted : plain };
      });
    const clock = this.clock;
    await new Compactor({ clock, logger: silentLogger, cleanOffsets, config, logs }).round();
  }

  /** The topic is deleted, and made again: nothing of the old one may come back. */
  async #recreate(): Promise<void> {
    const brief = this.#topics[2]!;
    Object.assign(brief, { topicId: idOf(10 + this.#count), live: [], past: [], startMax: 0, sequence: 0 });
    brief.isChanging = true;
    brief.endMin = 0;
    this.#disk.logs.deleteLog("brief", 0);
    brief.at = await this.#disk.open(brief);
    Object.assign(brief, { isChanging: false, endMin: Infinity });
  }

  async #restart(how: "close" | "kill"): Promise<void> {
    if (how === "close") await this.#disk.logs.close();
    else this.#files.kill();
    this.#disk = await openDisk(this.#steps, this.clock, this.flush);
    for (const topic of this.#topics) {
      topic.at = await this.#disk.open(topic);
      topic.live = topic.live.filter(({ last }) => last < topic.at.log.end);
    }
  }

  #record(what: string): void {
    const known = this.#topics.map(({ at: { log }, ...topic }) => ({
      ...topic,
      startMax: Math.max(topic.startMax, log.start),
      synced: Math.min(log.synced, topic.endMin),
      stored: Math.min(log.stored, topic.endMin),
    }));
    this.states.push({ what, disk: this.#files.copy(this.states.length + 1), known });
  }

  /** Lets time pass until the step has ended. */
  async #passing(step: Promise<void>): Promise<void> {
    let isEnded = false;
    const ended = step.finally(() => (isEnded = true));
    ended.catch(() => {}); // awaited below
    while (!isEnded) await this.clock.advance(1);
    await ended;
  }

  #below(limit: number): number {
    return integerBelow(this.#random, limit);
  }
}
