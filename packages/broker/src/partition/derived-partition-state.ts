import type { Files } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import type { DerivedState } from "../log/derived-state.ts";
import { Epochs } from "./epochs.ts";
import { Producers } from "./producers.ts";

/** What a partition derives from its log and keeps beside it. */
export class DerivedPartitionState implements DerivedState {
  readonly producers = new Producers();
  readonly epochs: Epochs;

  /** `directory`: the partition's own. */
  constructor(files: Files, directory: string) {
    this.epochs = new Epochs(files, directory);
  }

  batch(batch: Batch): void {
    this.epochs.batch(batch);
    this.producers.batch(batch);
  }

  isLastOfProducer(batch: Batch): boolean {
    return this.producers.isLast(batch);
  }

  get hasProducers(): boolean {
    return this.producers.count > 0;
  }

  epochOf(offset: number): number {
    return this.epochs.epochOf(offset);
  }

  load(): boolean {
    return this.epochs.load();
  }

  save(): Promise<void> {
    return this.epochs.save();
  }

  truncated(end: number): void {
    this.epochs.truncated(end);
  }

  startMoved(start: number): void {
    this.epochs.startMoved(start);
  }

  snapshot(): Buffer {
    return this.producers.snapshot();
  }

  snapshotBelow(offset: number): Buffer {
    return this.producers.snapshotBelow(offset);
  }

  restore(snapshot: Buffer | null): boolean {
    return this.producers.restore(snapshot);
  }
}
