import { assert, type Files } from "@odradek/kit";
import type { Batch } from "@odradek/protocol";
import { join } from "node:path";
import { formatCheckpoint, parseCheckpoint, wholeNumber } from "../disk/checkpoint.ts";

type Entry = { readonly epoch: number; readonly start: number };

/**
 * Which leader epoch wrote which part of a log (KIP-101): epochs and start offsets, both ascending. Kept in leader-epoch-checkpoint;
 * what is newer than that file comes back from the log.
 */
export class Epochs {
  readonly #files: Files;
  readonly #path: string;
  #entries: Entry[] = [];
  /** Counts changes; what is on disk has seen `#saved` of them. */
  #changes = 0;
  #saved = -1;

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#path = join(directory, "leader-epoch-checkpoint");
  }

  /** The newest epoch; -1 when there is none. */
  get latest(): number {
    return this.#entries.at(-1)?.epoch ?? -1;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Reads the checkpoint. False: there is none that can be read; the log has to say it all. */
  load(): boolean {
    const bytes = this.#files.readAll(this.#path);
    const lines = parseCheckpoint(bytes);
    const entries = lines?.map(([epoch, start]) => ({ epoch: wholeNumber(epoch), start: wholeNumber(start) }));
    this.#entries = entries !== undefined && ascends(entries) ? entries : [];
    // No file says as much as one without entries.
    this.#saved = bytes === null || this.#entries === entries ? this.#changes : -1;
    return this.#entries === entries;
  }

  /** Writes the checkpoint if it is behind. */
  async save(): Promise<void> {
    const changes = this.#changes;
    if (this.#saved === changes) return;
    await this.#files.replace(this.#path, formatCheckpoint(this.#entries.map(({ epoch, start }) => [epoch, start])));
    this.#saved = changes;
  }

  /** A leader starts `epoch` at `start`, its end offset: also before its first record (RELIABILITY P-06). */
  begin(epoch: number, start: number): void {
    assert(epoch >= 0 && start >= 0, "epochs and offsets are not negative");
    if (epoch <= this.latest) return;
    // Epochs that would start at or behind this one have no record.
    this.#change([...this.#entries.filter((entry) => entry.start < start), { epoch, start }]);
  }

  /** A batch of the log. What contradicts it comes from records that are gone: a checkpoint older than a truncation. */
  batch(batch: Batch): void {
    const { partitionLeaderEpoch: epoch, baseOffset } = batch;
    if (epoch === this.latest || epoch < 0) return;
    const wrong = (entry: Entry): boolean => entry.epoch > epoch && entry.start <= baseOffset;
    if (this.#entries.some(wrong)) this.#change(this.#entries.filter((entry) => !wrong(entry)));
    if (epoch > this.latest) this.begin(epoch, baseOffset);
  }

  /**
   * Kafka's OffsetForLeaderEpoch: the largest epoch not above `epoch` and where it ends, `end` being where the log ends. -1, -1 when
   * nothing is known; an epoch older than all: itself, ending where the first known one starts.
   */
  endOffsetFor(epoch: number, end: number): { leaderEpoch: number; endOffset: number } {
    if (epoch < 0 || epoch > this.latest) return { leaderEpoch: -1, endOffset: -1 };
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: end };
    const higher = this.#entries.findIndex((entry) => entry.epoch > epoch);
    const next = this.#entries[higher];
    assert(next !== undefined, "an epoch below the latest has a higher one");
    return { leaderEpoch: this.#entries[higher - 1]?.epoch ?? epoch, endOffset: next.start };
  }

  /** The epoch that the record at `offset` was written in; -1 when unknown. */
  epochOf(offset: number): number {
    return this.#entries.findLast((entry) => entry.start <= offset)?.epoch ?? -1;
  }

  /** Everything from `end` on is gone (RELIABILITY L-15). */
  truncated(end: number): void {
    if ((this.#entries.at(-1)?.start ?? -1) >= end) this.#change(this.#entries.filter((entry) => entry.start < end));
  }

  /** Records below `start` are gone: the epoch that holds it begins there now. */
  startMoved(start: number): void {
    const first = this.#entries.findLastIndex((entry) => entry.start <= start);
    if (first < 0 || (first === 0 && this.#entries[0]!.start === start)) return;
    this.#change([{ epoch: this.#entries[first]!.epoch, start }, ...this.#entries.slice(first + 1)]);
  }

  #change(entries: Entry[]): void {
    assert(ascends(entries), "epochs and their start offsets ascend");
    this.#entries = entries;
    this.#changes++;
  }
}

function ascends(entries: readonly Entry[]): boolean {
  return entries.every(({ epoch, start }, index) => {
    const before = entries[index - 1];
    return epoch >= 0 && start >= 0 && (before === undefined || (epoch > before.epoch && start > before.start));
  });
}
