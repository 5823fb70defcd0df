import type { Files, Logger } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import { fileName, parseFileName } from "../segment/file-names.ts";
import type { DerivedState } from "./derived-state.ts";

/**
 * The producer snapshots of a log: one per segment, named by the offset it stands at (exclusive), and the newest. They save reading
 * the log; any of them may be missing.
 */
export class Snapshots {
  readonly #files: Files;
  readonly #directory: string;
  readonly #logger: Logger;
  #offsets: number[];
  /** Where the log is going to start over; -1: nowhere. */
  #prepared = -1;
  /** Saves, one after the other: two of one name would share a temporary file. */
  #saving: Promise<void> = Promise.resolve();

  constructor(files: Files, directory: string, logger: Logger) {
    this.#files = files;
    this.#directory = directory;
    this.#logger = logger;
    this.#offsets = files
      .list(directory)
      .map(parseFileName)
      .filter((parsed) => parsed?.kind === "snapshot")
      .map((parsed) => parsed!.offset);
  }

  has(offset: number): boolean {
    return this.#offsets.includes(offset);
  }

  /** Sets the producer states to the newest readable snapshot at or below `offset`; returns where it stands, or null: no states now. */
  restore(derived: DerivedState, offset: number): number | null {
    for (const at of this.#offsets.filter((candidate) => candidate <= offset).toReversed()) {
      const bytes = this.#files.readAll(this.#path(at));
      if (bytes !== null && derived.restore(bytes)) return at;
      this.#logger.warn({ evt: "snapshot-unreadable", path: this.#path(at) }, "a producer snapshot is not readable");
      this.#remove([at]);
    }
    derived.restore(null);
    return null;
  }

  /** The states as the log says up to `end`: the newest snapshot and the batches behind it. Where the log can't be read they stay, and it throws. */
  reload(derived: DerivedState, end: number, log: { start: number; batches: (from: number) => Iterable<Batch> }): void {
    const before = derived.snapshot();
    try {
      const from = this.restore(derived, end) ?? log.start;
      for (const batch of log.batches(from)) {
        if (batch.baseOffset >= end) break;
        derived.batch(batch);
      }
    } catch (error) {
      derived.restore(before);
      throw error;
    }
  }

  /** Saves the states as of `offset`, unless that is done, and removes snapshots that belong to no segment any more. */
  save(offset: number, bytes: Buffer, segmentOffsets: () => readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#keep(offset, bytes);
      const needed = [offset, this.#prepared, ...segmentOffsets()];
      this.#remove(this.#offsets.filter((at) => !needed.includes(at)));
    });
  }

  /** Keeps what `bytes` say as of `offset`, where the log is going to start over (I-04). */
  prepare(offset: number, bytes: Buffer): Promise<void> {
    return this.#inTurn(async () => {
      await this.#keep(offset, bytes);
      this.#prepared = offset;
    });
  }

  /** Of the oldest `count` segments those that may go with what they say of producers: a snapshot says it where the next one begins (I-08). */
  remembered(derived: DerivedState, count: number, segmentOffsets: readonly number[]): number {
    if (!derived.hasProducers) return count;
    while (count > 0 && !this.has(segmentOffsets[count]!)) count--;
    return count;
  }

  /** Resolves when no save is under way. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  /** Snapshots above `offset` stand for records that are gone, or have not come (KAFKA-9105). */
  removeAbove(offset: number): void {
    this.#prepared = -1;
    this.#remove(this.#offsets.filter((at) => at > offset));
  }

  /** The log starts over at `offset`. */
  removeAllBut(offset: number): void {
    this.#prepared = -1;
    this.#remove(this.#offsets.filter((at) => at !== offset));
  }

  removeBelow(offset: number): void {
    this.#remove(this.#offsets.filter((at) => at < offset));
  }

  #inTurn(save: () => Promise<void>): Promise<void> {
    const saved = this.#saving.then(save);
    this.#saving = saved.catch(() => undefined); // whoever asked for the save is told; the next one may succeed
    return saved;
  }

  async #keep(offset: number, bytes: Buffer): Promise<void> {
    if (this.has(offset)) return;
    await this.#files.replace(this.#path(offset), bytes);
    this.#offsets = [...this.#offsets, offset].toSorted((a, b) => a - b);
  }

  #remove(offsets: readonly number[]): void {
    this.#offsets = this.#offsets.filter((at) => !offsets.includes(at));
    for (const at of offsets)
      this.#files
        .remove(this.#path(at))
        .catch((error: unknown) => this.#logger.warn({ err: error }, "cannot remove an old producer snapshot"));
  }

  #path(offset: number): string {
    return join(this.#directory, fileName(offset, "snapshot"));
  }
}
