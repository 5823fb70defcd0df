import type { Files } from "@odradek/kit";
import type { ReadPool } from "../disk/read-pool.ts";
import { CLEANED_SUFFIX, SWAP_SUFFIX } from "../segment/file-names.ts";
import { createSegment } from "../segment/open-segment.ts";
import type { Segment } from "../segment/segment.ts";
import type { Removal } from "./removal.ts";
import type { Segments } from "./segments.ts";

type Parts = {
  readonly files: Files;
  readonly directory: string;
  readonly pool: ReadPool;
  readonly segments: Segments;
  readonly removal: Removal;
  /** The log is closed, or has failed. */
  readonly isOver: () => boolean;
  readonly fail: (error: unknown) => void;
};

/** A segment that takes no more, and where its offsets end. */
export type Sealed = { readonly segment: Segment; readonly end: number };

/** The segments of a log that take no more, as compaction sees them: it reads them beside the log and replaces some by one. */
export class SealedSegments {
  readonly #parts: Parts;
  #truncations = { count: 0, lowest: Infinity };
  #replacing: Promise<unknown> = Promise.resolve();
  /** Base offsets of the cleaned segments that are being made: two of one name would share their files. */
  readonly #making = new Set<number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** In offset order. */
  list(): Sealed[] {
    const { segments } = this.#parts;
    const sealed = segments.all().slice(0, -1);
    return sealed.map((segment, index) => ({ segment, end: segments.endOf(index, segment.baseOffset) }));
  }

  /** Where they end together. */
  get end(): number {
    return this.#parts.segments.active.baseOffset;
  }

  /** Where the segment begins that holds `offset`, or would, sealed or not. */
  startOf(offset: number): number {
    const { segments } = this.#parts;
    return segments.all()[segments.floor(offset)]!.baseOffset;
  }

  /** The time of a segment's first batch; -1: none. */
  firstTimestamp(segment: Segment): number {
    const { segments } = this.#parts;
    return segments.use(segments.all().indexOf(segment)).firstTimestamp() ?? -1;
  }

  /** How often the log has been truncated since it was opened, and the lowest offset it was truncated to. */
  get truncations(): { readonly count: number; readonly lowest: number } {
    return this.#truncations;
  }

  /** Everything from `to` on has gone. */
  truncated(to: number): void {
    this.#truncations = { count: this.#truncations.count + 1, lowest: Math.min(this.#truncations.lowest, to) };
  }

  /** A segment that nobody sees until `replace`. Throws while another one of that base offset is being made. */
  createCleaned(baseOffset: number): Segment {
    if (this.#making.has(baseOffset)) throw new Error(`the segment at ${baseOffset} is being written anew already`);
    const cleaned = createSegment(this.#parts, baseOffset, CLEANED_SUFFIX);
    this.#making.add(baseOffset);
    return cleaned;
  }

  /** Takes a segment of `createCleaned` back. */
  discard(cleaned: Segment): void {
    this.#making.delete(cleaned.baseOffset);
    cleaned.close();
    if (!this.#parts.isOver()) this.#parts.removal.removeOldest([cleaned]);
  }

  /**
   * Puts `cleaned`, which has been synced, in the place of segments that stand one behind the other and that it was made of when
   * `truncations.count` was `truncations`. False: the log has changed since, nothing was replaced and `cleaned` is gone.
   */
  replace(old: readonly Segment[], cleaned: Segment, truncations: number): Promise<boolean> {
    const { segments, isOver, fail } = this.#parts;
    const stillFits = (): boolean =>
      !isOver() && this.#truncations.count === truncations && old.every((one) => segments.has(one));
    if (!stillFits()) {
      this.discard(cleaned);
      return Promise.resolve(false);
    }
    const replacing = this.#replace(old, cleaned, stillFits).finally(() => this.#making.delete(cleaned.baseOffset));
    // A directory in which only some names have changed is not to be written to any more: the next start settles it.
    this.#replacing = replacing.catch((error: unknown) => (isOver() ? undefined : fail(error)));
    return replacing;
  }

  /** Resolves when no replacement is under way. */
  async settled(): Promise<void> {
    await this.#replacing;
  }

  /**
   * Every crash leaves one legal log (RELIABILITY L-04): once the name `.swap` is safe, a start goes on to the end (`settleDirectory`); only
   * then the old ones go, and only when they are gone for good the new one takes its name. Readers find either the old ones or the new one.
   */
  async #replace(old: readonly Segment[], cleaned: Segment, stillFits: () => boolean): Promise<boolean> {
    const { files, directory, segments, removal, isOver } = this.#parts;
    cleaned.renameTo(SWAP_SUFFIX);
    await files.syncDirectory(directory);
    if (!stillFits()) {
      this.discard(cleaned);
      return false;
    }
    removal.removeOldest(segments.replace(old, cleaned));
    await files.syncDirectory(directory);
    // A truncation or retention may have taken it meanwhile, under its present name; of a closed log the next start makes the end.
    if (!segments.has(cleaned) || isOver()) return true;
    cleaned.renameTo("");
    await files.syncDirectory(directory);
    return true;
  }
}
