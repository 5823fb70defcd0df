import type { Logger, OpenFile } from "@odradek/kit";
import { batchesIn, validateBatches } from "@odradek/protocol";
import { type Damage, examineFile } from "../segment/examine.ts";
import { OFFSET_DELTA_MAX, type Segment } from "../segment/segment.ts";
import type { Bounds } from "../segment/verify.ts";
import type { DerivedState } from "./derived-state.ts";
import type { LogConfig } from "./log-config.ts";
import type { SealedSegments } from "./sealed-segments.ts";
import type { Segments } from "./segments.ts";

/** A stretch of a log that can't be served, nor read by anybody, until another replica has given it back. */
export type LogDamage = Damage & { readonly segment: Segment };

type Inspected = {
  readonly segments: Segments;
  readonly sealed: SealedSegments;
  readonly derived: DerivedState;
  readonly logger: Logger;
  readonly config: () => LogConfig;
  readonly end: () => number;
};

/**
 * Looks for what a disk has changed behind our back, and mends it with another replica's bytes (RELIABILITY L-02). Nothing is ever cut off
 * here: what stands behind the damage was acknowledged too.
 */
export class Inspection {
  readonly #log: Inspected;

  readonly #epochOf = (offset: number): number => this.#log.derived.epochOf(offset);
  /** Segments that end before the next one begins, as a peer has confirmed. */
  readonly #endingEarly = new WeakSet<Segment>();

  constructor(log: Inspected) {
    this.#log = log;
  }

  /**
   * What the segment at `index` must keep to. The active one still grows; the others end where the next one begins, compacted ones too: of what
   * compaction puts together it keeps the last batch.
   */
  bounds(index: number): Bounds {
    const { segments, end } = this.#log;
    const segment = segments.all()[index]!;
    const next = segments.endOf(index, end());
    const mayEndEarly = next - segment.baseOffset > OFFSET_DELTA_MAX || this.#endingEarly.has(segment);
    return { end: next, joins: segment !== segments.active && !mayEndEarly, epochOf: this.#epochOf };
  }

  /** The same of a segment; null: it has gone. */
  boundsOf(segment: Segment): Bounds | null {
    const index = this.#log.segments.all().indexOf(segment);
    return index < 0 ? null : this.bounds(index);
  }

  /** A peer has no records there either: compaction once took them out. */
  accept({ segment }: LogDamage): void {
    this.#endingEarly.add(segment);
  }

  /** `made` is to stand in the place of segments of which `last` is the last one: it ends as early. */
  succeeds(made: Segment, last: Segment): void {
    if (this.#endingEarly.has(last)) this.#endingEarly.add(made);
  }

  /**
   * Reads the whole log, as it was when this began, and returns where it is damaged. Indexes that are wrong are built again. `pace` is
   * awaited after every so many bytes; a segment that is removed or cut meanwhile is left out.
   */
  async examine(pace: (bytes: number) => Promise<void> = async () => {}): Promise<LogDamage[]> {
    const damages: LogDamage[] = [];
    for (const segment of [...this.#log.segments.all()])
      if (this.#has(segment)) damages.push(...(await this.#segment(segment, pace)));
    return damages;
  }

  /**
   * Writes what a peer has at the place of the damage. False: that is not what is missing here. `isAll`: the peer has nothing behind them up to
   * the end of the damage; its compaction drew other borders.
   */
  async mend(damage: LogDamage, records: Buffer, isAll = false): Promise<boolean> {
    const { segment, from, to, position, size } = damage;
    if (!this.#has(segment) || position + size > segment.writtenSize) return false;
    const after = this.#endOf(records, damage);
    if (after === null || (records.length === 0 && this.#endsSealed(damage))) return false;
    if (records.length !== size && !this.#endsSealed(damage))
      return (after === to || isAll) && segment !== this.#log.segments.active && this.#remake(damage, records);
    if (records.length !== size && after !== to) {
      if (!isAll) return false;
      this.accept(damage);
    }
    await segment.replace(position, size, records);
    this.#log.logger.warn({ evt: "log-mended", path: segment.path, from, to, position, size }, "mended a damaged log");
    return true;
  }

  /** Cuts off what stands behind the last record of a sealed segment: no offset is missing there. */
  async dropEnd(damage: LogDamage): Promise<boolean> {
    const { segment, position, size } = damage;
    if (!this.#has(segment) || !this.#endsSealed(damage)) return false;
    await segment.replace(position, size, Buffer.alloc(0));
    return true;
  }

  /** Where whole batches end that may stand at the place of the damage; null: they are none. */
  #endOf(records: Buffer, { from, to }: LogDamage): number | null {
    if (records.length === 0) return from;
    const validated = validateBatches(records, "leader");
    if (validated.is === "invalid") return null;
    let after = from;
    for (const batch of validated.batches) {
      if (batch.baseOffset < after || batch.nextOffset > to) return null;
      const epoch = this.#log.derived.epochOf(batch.baseOffset);
      if (epoch >= 0 && batch.partitionLeaderEpoch !== epoch) return null;
      after = batch.nextOffset;
    }
    return after;
  }

  /**
   * Writes a sealed segment anew with batches of another size at the place of the damage, for compaction has left the peer more or less of them,
   * and exchanges it as compaction does. False: more of it is damaged, or the log has changed meanwhile.
   */
  async #remake(damage: LogDamage, records: Buffer): Promise<boolean> {
    const { segment, from, to } = damage;
    const { sealed, logger } = this.#log;
    const { count } = sealed.truncations;
    const made = sealed.createCleaned(segment.baseOffset);
    let isMade = false;
    try {
      isMade = await this.#copy(damage, records, made);
    } finally {
      if (!isMade) {
        made.forgetQueue();
        sealed.discard(made);
      }
    }
    if (!isMade) return false;
    this.succeeds(made, segment);
    const isReplaced = await sealed.replace([segment], made, count);
    if (isReplaced) logger.warn({ evt: "log-remade", path: segment.path, from, to }, "mended a damaged log");
    return isReplaced;
  }

  /** Puts the segment into `made`, with `records` at the place of the damage. False: more of it is damaged, or the damage has gone. */
  async #copy({ segment, position, size }: LogDamage, records: Buffer, made: Segment): Promise<boolean> {
    const { segments, config } = this.#log;
    const bounds = this.bounds(segments.all().indexOf(segment));
    const put = (bytes: Buffer): void => {
      made.append(bytes, [...batchesIn(bytes)], config().indexIntervalBytes);
      made.write();
    };
    let isPut = false;
    const file = segment.openAgain();
    try {
      for await (const found of examineFile(segment.checked(bounds, file))) {
        const at = found.is === "damage" ? found.damage : { position: found.position, size: found.batch.size };
        const isReplaced = at.position >= position && at.position + at.size <= position + size;
        if (!isReplaced && found.is === "damage") return false;
        if (isReplaced && !isPut && records.length > 0) put(records);
        isPut ||= isReplaced;
        if (!isReplaced && found.is !== "damage") put(Buffer.from(found.batch.slice));
      }
    } finally {
      file.close();
    }
    made.seal();
    await made.sync();
    await made.syncIndexes();
    made.close();
    return isPut;
  }

  #endsSealed({ segment, position, size, isAtEnd }: LogDamage): boolean {
    return isAtEnd && segment !== this.#log.segments.active && position + size === segment.size;
  }

  async #segment(segment: Segment, pace: (bytes: number) => Promise<void>): Promise<LogDamage[]> {
    const file = segment.openAgain();
    try {
      return await this.#file(segment, file, pace);
    } finally {
      file.close();
    }
  }

  async #file(segment: Segment, file: OpenFile, pace: (bytes: number) => Promise<void>): Promise<LogDamage[]> {
    const { segments, logger } = this.#log;
    const checked = segment.checked(this.bounds(segments.all().indexOf(segment)), file);
    const indexes = segment.indexCheck();
    const damages: LogDamage[] = [];
    const right = { from: 0, to: 0 };
    for await (const found of examineFile(checked)) {
      if (!this.#has(segment) || segment.writtenSize < checked.size) return [];
      if (found.is === "damage") {
        damages.push({ ...found.damage, segment });
        segment.verified.add(right.from, right.to);
        const { position, size } = found.damage;
        segment.verified.remove(position, position + size);
        right.from = right.to = position + size;
        logger.error({ evt: "log-damaged", path: segment.path, ...found.damage }, "the log is damaged");
        continue;
      }
      indexes.batch(found.batch, found.position);
      const { size } = found.batch;
      right.to = found.position + size;
      await pace(size);
    }
    segment.verified.add(right.from, right.to);
    if (damages.length === 0 && indexes.isWrong) this.#rebuildIndexes(segment);
    return damages;
  }

  #rebuildIndexes(segment: Segment): void {
    const { segments, config, logger } = this.#log;
    logger.warn({ evt: "index-wrong", path: segment.path }, "an index was wrong and is built again");
    segment.rebuildIndexes(config().indexIntervalBytes);
    if (segment !== segments.active) segment.seal();
  }

  #has(segment: Segment): boolean {
    return this.#log.segments.has(segment);
  }
}
