import { Batch, readBatch } from "@odradek/protocol";
import type { ReadPool } from "../disk/read-pool.ts";
import { DamagedError } from "../segment/verify.ts";
import type { Segment } from "../segment/segment.ts";
import type { Segments } from "./segments.ts";

export type FoundRecord = { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number };

type Bounds = { readonly start: number; readonly written: { readonly value: number } };

/** Finds records of a log by their time: written ones, from its start on. */
export class TimeLookup {
  readonly #segments: Segments;
  readonly #pool: ReadPool;
  readonly #log: Bounds;

  constructor(options: { segments: Segments; pool: ReadPool; log: Bounds }) {
    this.#segments = options.segments;
    this.#pool = options.pool;
    this.#log = options.log;
  }

  /** The first one with a timestamp ≥ `timestamp`. Only the batches that may hold it are unpacked. */
  firstSince(timestamp: number): FoundRecord | null {
    const options = { start: this.#log.start, pool: this.#pool };
    for (let index = this.#segments.floor(options.start); index < this.#segments.count; index++) {
      const found = firstInSegment(this.#segments.use(index), timestamp, options);
      if (found !== null) return found.offset < this.#log.written.value ? found : null;
    }
    return null;
  }

  /** The one with the largest timestamp (ListOffsets -3). */
  newest(): FoundRecord | null {
    const timestamp = this.#segments.all().reduce((max, segment) => Math.max(max, segment.max.timestamp), -1);
    return timestamp < 0 ? null : this.firstSince(timestamp);
  }
}

function firstInSegment(
  segment: Segment,
  timestamp: number,
  options: { start: number; pool: ReadPool },
): FoundRecord | null {
  let from = options.start;
  for (;;) {
    const place = segment.firstSince(timestamp, from);
    if (place === null) return null;
    const pooled = options.pool.take(place.size);
    try {
      segment.file().read(pooled.subarray(0, place.size), place.position);
      const batch = new Batch(pooled.subarray(0, place.size));
      if (batch.crc !== batch.computeCrc()) throw new DamagedError(`${segment.path} is damaged at ${place.position}`);
      const record = readBatch(batch).find((one) => one.timestamp >= timestamp && one.offset >= options.start);
      if (record !== undefined)
        return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: batch.partitionLeaderEpoch };
      from = batch.nextOffset;
    } finally {
      options.pool.give(pooled);
    }
  }
}
