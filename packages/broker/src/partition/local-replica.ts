import { assert, type Clock, FileError, lacksDescriptor, type Logger, Watermark } from "@odradek/kit";

import type { TopicConfig } from "../config.ts";
import type { Log } from "../log/log.ts";
import type { ReadLimits, SegmentRead } from "../segment/read-batches.ts";
import { CorruptLogError } from "../segment/walk.ts";
import type { DerivedPartitionState } from "./derived-partition-state.ts";

/** Bounds what is remembered of damage; a disk with more of it may be told of twice. */
const DAMAGE_TOLD_MAX = 1000;

/** This broker's copy of one partition, whatever its role: the log, what is derived from it, and the high watermark. */
export class LocalReplica {
  readonly topic: string;
  readonly topicId: string;
  readonly index: number;
  readonly log: Log;
  readonly derived: DerivedPartitionState;
  readonly logger: Logger;
  /** To be awaited before a truncation, see `Logs`. */
  readonly holdRecoveryPoint: (offset: number) => Promise<() => void>;
  readonly #clock: Clock;
  #high: Watermark;
  config: TopicConfig;
  /** More may be acknowledged than what ends at `previousEnd`. */
  onWritten: (previousEnd: number) => void = () => {};
  /** More is in the page cache, and not yet as safe as what is acknowledged: followers may have it already. */
  onStored: () => void = () => {};
  /** The log takes nothing any more, or is closed. */
  onFailed: () => void = () => {};
  /** A batch was found that must not be served (RELIABILITY L-02). */
  onDamaged: () => void = () => {};
  /** Each place of damage is told of once until the log is whole again, however many readers run into it. */
  readonly #damageTold = new Set<string>();
  /** The end that `onWritten` is going to be called for. */
  #awaited = -1;
  /** What `onWritten` was last called for. */
  #writtenEnd: number;

  constructor(options: {
    topic: string;
    topicId: string;
    index: number;
    log: Log;
    derived: DerivedPartitionState;
    high: number;
    config: TopicConfig;
    clock: Clock;
    logger: Logger;
    holdRecoveryPoint: (offset: number) => Promise<() => void>;
  }) {
    this.topic = options.topic;
    this.topicId = options.topicId;
    this.index = options.index;
    this.log = options.log;
    this.derived = options.derived;
    this.config = options.config;
    this.logger = options.logger;
    this.holdRecoveryPoint = options.holdRecoveryPoint;
    this.#clock = options.clock;
    const high = Math.min(Math.max(options.high, options.log.start), options.log.end);
    this.#high = new Watermark(options.clock, high);
    this.#writtenEnd = options.log.written.value;
    options.log.onStored = () => this.onStored();
  }

  /** Reads the log; a batch that is not whole is told of and not served. A disk that can't be read any more ends the log (L-12). */
  read(from: number, limits: ReadLimits): SegmentRead | "damaged" | null {
    try {
      return this.log.read(from, limits);
    } catch (error) {
      if (error instanceof FileError && !lacksDescriptor(error)) return this.#diskFailed(error);
      if (!(error instanceof CorruptLogError)) throw error;
      this.#tellDamage(error, from);
      this.onDamaged();
      return "damaged";
    }
  }

  /** The log is whole: damage that is met from now on is new. */
  forgetDamage(): void {
    this.#damageTold.clear();
  }

  /** Waits on it end with the role: each role has its own. */
  get high(): Watermark {
    return this.#high;
  }

  /** Where readers of committed transactions stop. */
  get lastStable(): number {
    return Math.min(this.derived.producers.firstUndecided ?? Infinity, this.#high.value);
  }

  /** Ends every wait on the high watermark, for a role that ends (K-07). */
  renewHigh(): void {
    const { value } = this.#high;
    this.#high.close();
    this.#high = new Watermark(this.#clock, value);
  }

  /** The one place that moves the high watermark: start ≤ high ≤ end. */
  setHigh(high: number): void {
    assert(high <= this.log.end, `${this}: high watermark ${high} beyond the end ${this.log.end}`);
    if (high > this.#high.value) this.#high.advance(high);
    assert(this.lastStable <= this.#high.value, `${this}: last stable offset beyond the high watermark`);
  }

  /** Removes everything from `end` on; damaged: nothing was changed, for what is to be cut or kept can't be read. Committed records never go, unless an unclean election decided so (L-13): then it is logged. */
  truncateTo(end: number): "truncated" | "damaged" {
    try {
      this.log.truncateTo(end);
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error;
      this.#tellDamage(error, end);
      return "damaged";
    }
    if (end < this.#high.value) {
      const fields = { evt: "committed-records-removed", partition: `${this}`, end, high: this.#high.value };
      this.logger.warn(fields, "the new leader's log ends before our high watermark");
      this.#high.retreat(Math.max(end, this.log.start));
    }
    this.#wentBack();
    return "truncated";
  }

  /** Removes everything and goes on at `start`. */
  startAnewAt(start: number): void {
    this.#high.retreat(Math.min(this.#high.value, start));
    this.log.truncateFullyAndStartAt(start);
    this.#wentBack();
    this.#high.advance(start);
  }

  /** Calls `onWritten` once everything appended until now is written; one call may stand for several appends. */
  afterWrite(): void {
    const { end } = this.log;
    if (end <= this.#awaited) return;
    this.#awaited = end;
    this.log.written.when(end, (outcome) => {
      if (outcome === "closed") return this.onFailed();
      const previousEnd = this.#writtenEnd;
      this.#writtenEnd = this.log.written.value;
      this.onWritten(previousEnd);
    });
  }

  #diskFailed(error: FileError): "damaged" {
    this.log.fail(error);
    // Whoever reads is not to lose its role while it does.
    this.#clock.afterTick(() => this.onFailed());
    return "damaged";
  }

  /** `error` names the file and the position. */
  #tellDamage(error: CorruptLogError, from: number): void {
    if (this.#damageTold.has(error.message)) return;
    if (this.#damageTold.size >= DAMAGE_TOLD_MAX) this.#damageTold.clear();
    this.#damageTold.add(error.message);
    this.logger.warn({ evt: "damage-met", partition: `${this}`, from, err: error }, "a damaged batch is not served");
  }

  #wentBack(): void {
    this.#awaited = -1;
    this.#writtenEnd = this.log.written.value;
  }

  toString(): string {
    return `${this.topic}-${this.index}`;
  }
}
