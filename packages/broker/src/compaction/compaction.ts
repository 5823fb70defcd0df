import type { Clock } from "@odradek/kit";
import { Batch, ProtocolError, unpack } from "@odradek/protocol";
import type { DerivedState } from "../log/derived-state.ts";
import type { Log } from "../log/log.ts";
import type { LogConfig } from "../log/log-config.ts";
import type { Sealed } from "../log/sealed-segments.ts";
import type { Segment } from "../segment/segment.ts";
import { CorruptLogError } from "../segment/walk.ts";
import { OffsetMap } from "./offset-map.ts";
import { Outcomes } from "./outcomes.ts";
import { groupsOf, type Piece } from "./plan.ts";
import { Rules } from "./rules.ts";
import { slicesOf, type Slice } from "./slices.ts";
import type { Throttle } from "./throttle.ts";

export type CompactionParts = {
  readonly log: Log;
  readonly derived: Pick<DerivedState, "isLastOfProducer">;
  readonly config: LogConfig;
  readonly clock: Clock;
  readonly throttle: Throttle;
  /** What the keys of one pass may take. */
  readonly mapBytesMax: number;
  /** Asked between slices. */
  readonly isStopped: () => boolean;
};

export type Compacted = {
  /** Everything below holds only what compaction leaves. */
  readonly cleanUpTo: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly keyless: number;
};

/** The log has changed under the compaction, or everything stops: what was done stays, the rest is for another time. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** Offsets in an index count from the segment's start in 31 bits; a segment that outgrew them could not be read. */
const SEGMENT_BYTES_MAX = 0x7fff_ffff;

/**
 * One pass over a log: the newest offset of each key of the dirty part goes into a map, as far as it has room, then all segments up to there
 * are written anew without what the map has overtaken. All keys of the log but those of the dirty part are known to be single.
 */
export class Compaction {
  readonly #parts: CompactionParts;
  readonly #truncations: number;
  #outcomes: Outcomes | null = null;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
    this.#truncations = parts.log.sealed.truncations.count;
  }

  /** Compacts [dirtyFrom, upTo) or the first part of it. Damage in the log is thrown as CorruptLogError; its segment was not changed then. */
  async run(range: { dirtyFrom: number; upTo: number }): Promise<Compacted> {
    try {
      return await this.#pass(range);
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      throw new CorruptLogError("records of a batch whose checksum is right can't be unpacked", { cause });
    }
  }

  async #pass(range: { dirtyFrom: number; upTo: number }): Promise<Compacted> {
    const { log, config, clock, derived, mapBytesMax } = this.#parts;
    const newest = new OffsetMap(mapBytesMax);
    const indexedEnd = await this.#index(newest, range);
    const rules = new Rules({
      newest,
      outcomes: this.#outcomes ?? new Outcomes(),
      dirtyFrom: range.dirtyFrom,
      indexedEnd,
      wallMs: clock.wallMs(),
      deleteRetentionMs: config.deleteRetentionMs,
      isLastOfProducer: (batch) => derived.isLastOfProducer(batch),
    });
    const bytes = { before: 0, after: 0 };
    const pieces = piecesOf(log).filter((piece) => piece.baseOffset < indexedEnd && piece.end <= range.upTo);
    for (const group of groupsOf(pieces, config)) {
      bytes.before += group.reduce((sum, piece) => sum + piece.size, 0);
      bytes.after += await this.#rewrite(
        group.map((piece) => piece.segment),
        rules,
      );
    }
    return { cleanUpTo: indexedEnd, bytesBefore: bytes.before, bytesAfter: bytes.after, keyless: rules.keyless };
  }

  /** Fills the map; returns the offset it speaks up to. */
  async #index(newest: OffsetMap, { dirtyFrom, upTo }: { dirtyFrom: number; upTo: number }): Promise<number> {
    for (const { segment, end } of this.#dirty(dirtyFrom, upTo)) {
      for await (const { batches } of this.#slices(segment)) {
        for (const batch of batches) {
          if (batch.lastOffset < dirtyFrom || batch.isControl) continue;
          if (newest.isFull) return batch.baseOffset;
          if (batch.isTransactional) {
            this.#outcomes ??= await this.#readOutcomes(segment.baseOffset, upTo);
            const outcome = this.#outcomes.of(batch);
            if (outcome === "undecided") return batch.baseOffset;
            if (outcome === "aborted") continue;
          }
          for (const { key, offset } of unpack(batch)) if (key !== null) newest.put(key, offset);
        }
      }
      if (end === upTo) return end;
    }
    return upTo;
  }

  async #readOutcomes(from: number, upTo: number): Promise<Outcomes> {
    const outcomes = new Outcomes();
    for (const { segment } of this.#dirty(from, upTo))
      for await (const { batches } of this.#slices(segment))
        for (const batch of batches) if (batch.isControl) outcomes.marker(batch);
    return outcomes;
  }

  /** Writes the segments anew as one; returns its size. Its last batch stays in any case: it says where the segment's offsets end. */
  async #rewrite(segments: readonly Segment[], rules: Rules): Promise<number> {
    const { sealed, inspection } = this.#parts.log;
    const cleaned = sealed.createCleaned(segments[0]!.baseOffset);
    try {
      for (const segment of segments)
        for await (const slice of this.#slices(segment))
          await this.#write(cleaned, this.#kept(slice, rules, segment === segments.at(-1)));
      cleaned.seal();
      await cleaned.sync();
      await cleaned.syncIndexes();
      cleaned.close();
    } catch (error) {
      cleaned.forgetQueue();
      sealed.discard(cleaned);
      throw error;
    }
    const { size } = cleaned;
    inspection.succeeds(cleaned, segments.at(-1)!);
    if (!(await sealed.replace(segments, cleaned, this.#truncations)))
      throw new InterruptedError("the log has changed");
    return size;
  }

  #kept(slice: Slice, rules: Rules, isLastSegment: boolean): Buffer[] {
    const kept: Buffer[] = [];
    for (const [index, batch] of slice.batches.entries()) {
      const isLast = isLastSegment && slice.isLast && index === slice.batches.length - 1;
      const bytes = rules.apply(batch, isLast);
      if (bytes !== null) kept.push(bytes instanceof Batch ? bytes.slice : bytes);
    }
    return kept;
  }

  async #write(cleaned: Segment, kept: readonly Buffer[]): Promise<void> {
    const { config, throttle } = this.#parts;
    let bytes = 0;
    for (const batch of kept) {
      cleaned.append(batch, [new Batch(batch)], config.indexIntervalBytes);
      bytes += batch.length;
    }
    if (cleaned.size > SEGMENT_BYTES_MAX) throw new CorruptLogError(`${cleaned.path} outgrows a segment`);
    cleaned.write();
    await throttle.took(bytes);
  }

  #dirty(from: number, upTo: number): Sealed[] {
    return this.#parts.log.sealed.list().filter(({ end }) => end > from && end <= upTo);
  }

  async *#slices(segment: Segment): AsyncGenerator<Slice, void, void> {
    const { log, throttle } = this.#parts;
    const bounds = log.inspection.boundsOf(segment);
    if (bounds === null) throw new InterruptedError("the log has changed");
    try {
      for await (const slice of slicesOf(segment, bounds)) {
        this.#throwIfOver();
        yield slice;
        await throttle.took(slice.bytes);
        this.#throwIfOver();
      }
    } catch (error) {
      // A truncation under the reader looks like damage.
      if (error instanceof CorruptLogError) this.#throwIfOver();
      throw error;
    }
  }

  #throwIfOver(): void {
    const { log, isStopped } = this.#parts;
    if (log.isOver || isStopped()) throw new InterruptedError("compaction stops");
    if (log.sealed.truncations.count !== this.#truncations) throw new InterruptedError("the log was truncated");
  }
}

/** The sealed segments as planning sees them. First timestamps cost a read each: only who needs them asks. */
export function piecesOf(log: Log, needsTimes = false): (Piece & { segment: Segment })[] {
  return log.sealed.list().map(({ segment, end }) => ({
    segment,
    end,
    baseOffset: segment.baseOffset,
    size: segment.size,
    indexBytes: segment.indexBytes,
    maxTimestamp: segment.max.timestamp,
    firstTimestamp: needsTimes ? log.sealed.firstTimestamp(segment) : -1,
  }));
}
