import { type Batch, emptied, type PackedRecord, repack, unpack } from "@odradek/protocol";
import type { OffsetMap } from "./offset-map.ts";
import type { Outcomes } from "./outcomes.ts";

/** What one pass over a log goes by. */
export type RulesOptions = {
  readonly newest: OffsetMap;
  readonly outcomes: Outcomes;
  /** The stretch that `newest` speaks of: everything from `dirtyFrom` up to `indexedEnd`. */
  readonly dirtyFrom: number;
  readonly indexedEnd: number;
  readonly wallMs: number;
  readonly deleteRetentionMs: number;
  readonly isLastOfProducer: (batch: Batch) => boolean;
};

/**
 * What becomes of each batch of a log, in offset order (RELIABILITY L-19). A record stays while it is the newest of its key; a tombstone
 * stays beyond that until its delete horizon, which its first compaction writes into the batch (KIP-534); records of aborted
 * transactions go at once, markers when nothing of their transaction is left and the same horizon has passed.
 */
export class Rules {
  readonly #options: RulesOptions;
  /** Producers of whose open transaction something has been seen since their last marker. */
  readonly #open = new Set<number>();
  /** Records that had no key: nothing can be said about them, so they go, as in Kafka. */
  keyless = 0;

  constructor(options: RulesOptions) {
    this.#options = options;
  }

  /** The batch itself to keep it as it is, other bytes in its place, or null: it goes. `keepOffsets`: at least its header has to stay. */
  apply(batch: Batch, keepOffsets: boolean): Batch | Buffer | null {
    const { indexedEnd, isLastOfProducer } = this.#options;
    if (batch.baseOffset >= indexedEnd) return batch;
    const kept = batch.isControl ? this.#marker(batch) : this.#data(batch);
    if (kept !== null) return kept;
    if (!keepOffsets && !(batch.producerId >= 0 && isLastOfProducer(batch))) return null;
    return batch.recordsCount === 0 ? batch : emptied(batch);
  }

  #marker(batch: Batch): Batch | Buffer | null {
    const isNeeded = this.#open.delete(batch.producerId);
    if (isNeeded) return batch;
    const { deleteHorizonMs } = batch;
    if (batch.recordsCount === 0) return null;
    if (deleteHorizonMs === null) return repack(batch, unpack(batch), this.#horizon());
    return deleteHorizonMs <= this.#options.wallMs ? null : batch;
  }

  #data(batch: Batch): Batch | Buffer | null {
    if (batch.isTransactional) {
      this.#open.add(batch.producerId);
      const isDirty = batch.baseOffset >= this.#options.dirtyFrom;
      if (isDirty && this.#options.outcomes.of(batch) === "aborted") return null;
    }
    if (batch.recordsCount === 0) return null;
    const records = unpack(batch);
    const { deleteHorizonMs } = batch;
    const tombstonesStay = deleteHorizonMs === null || this.#options.wallMs < deleteHorizonMs;
    const kept = records.filter((record) => this.#stays(record, tombstonesStay));
    if (kept.length === 0) return null;
    const mustSetHorizon = deleteHorizonMs === null && kept.some((record) => record.isTombstone);
    if (kept.length === records.length && !mustSetHorizon) return batch;
    return repack(batch, kept, mustSetHorizon ? this.#horizon() : null);
  }

  #stays(record: PackedRecord, tombstonesStay: boolean): boolean {
    if (record.key === null) {
      this.keyless++;
      return false;
    }
    if (record.isTombstone && !tombstonesStay) return false;
    return record.offset >= this.#options.newest.get(record.key);
  }

  #horizon(): number {
    return this.#options.wallMs + this.#options.deleteRetentionMs;
  }
}
