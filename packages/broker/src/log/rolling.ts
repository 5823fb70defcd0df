import type { Clock, Random } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { OFFSET_DELTA_MAX, type Segment } from "../segment/segment.ts";
import type { LogConfig } from "./log-config.ts";

/** When the active segment is full or old enough to be closed. */
export class Rolling {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #config: () => LogConfig;
  #sinceMs: number;
  #chance: number;

  constructor(options: { clock: Clock; random: Random; config: () => LogConfig }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#config = options.config;
    this.#sinceMs = options.clock.wallMs();
    this.#chance = options.random.next();
  }

  /** `sinceMs`: when the active segment was made or opened, its age when its records have no timestamps. */
  get age(): { wallMs: number; sinceMs: number } {
    return { wallMs: this.#clock.wallMs(), sinceMs: this.#sinceMs };
  }

  /** A new segment is active. */
  begun(): void {
    this.#sinceMs = this.#clock.wallMs();
    this.#chance = this.#random.next();
  }

  /** Whether the batches must go to a new segment. `last` and `first` of them: what is asked for an append as a whole or for one batch. */
  isDue(active: Segment, bytes: number, { first, last }: { first: Batch; last: Batch }): boolean {
    const config = this.#config();
    const age = { wallMs: this.#clock.wallMs(), createdMs: this.#sinceMs, msMax: this.#segmentMs(config) };
    const next = { bytes, lastOffset: last.lastOffset, timestamp: first.maxTimestamp };
    return active.mustRollFor(next, config, age);
  }

  /** Segments of many partitions that began together do not all end together; what must be compacted in time must be closed in time. */
  #segmentMs({ segmentMs, segmentJitterMs, cleanupPolicy, maxCompactionLagMs }: LogConfig): number {
    const bound = cleanupPolicy.compact ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs;
    return bound - Math.floor(this.#chance * Math.min(segmentJitterMs, segmentMs === Infinity ? 0 : segmentMs));
  }
}

/** Segments join without a gap, so that recovery sees a lost one; only a distance that indexes can't hold makes one (L-23). */
export const nextBase = (end: number, batch: Batch): number =>
  batch.lastOffset - end > OFFSET_DELTA_MAX ? batch.baseOffset : end;
