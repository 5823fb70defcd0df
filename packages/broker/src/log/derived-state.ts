import type { Batch } from "@odradek/protocol";

/**
 * What is derived from a log and kept beside it: producer states and leader epochs. The log feeds it, live and in recovery alike,
 * so that both always mean the same (decide first, then replay). It may be lost: the log can say everything again.
 */
export interface DerivedState {
  /** A batch stands in the log. Batches come in offset order; after `restore` some may come again that `epochs` has seen. */
  batch(batch: Batch): void;
  /** Whether the batch is the newest of a producer that is still remembered: compaction keeps its sequence. */
  isLastOfProducer(batch: Batch): boolean;
  /** Whether any producer is remembered: else the log's segments say nothing that a snapshot would have to. */
  readonly hasProducers: boolean;
  /** The leader epoch that the record at `offset` was written in; -1 when unknown. */
  epochOf(offset: number): number;
  /** Reads what was saved beside the log. False: nothing readable is there, feed everything from the log's start. */
  load(): boolean;
  /** Saves what has no snapshot (leader epochs) so that it survives power loss: before the recovery point moves. */
  save(): Promise<void>;
  /** Forgets what came from offsets ≥ `end`; producer states follow by `restore` and `batch`. */
  truncated(end: number): void;
  /** Records below `start` are gone. */
  startMoved(start: number): void;
  /** Producer states as of now, for a snapshot file (Kafka's .snapshot). */
  snapshot(): Buffer;
  /** The same for a log that begins at `offset` and is empty: what came before it. */
  snapshotBelow(offset: number): Buffer;
  /** Sets the producer states to a snapshot's, or to none. False: the snapshot is not readable; nothing was changed. */
  restore(snapshot: Buffer | null): boolean;
}
