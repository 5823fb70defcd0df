import type { Cancel, Clock, Files, Watermark } from "@odradek/kit";
import type { Segment } from "../segment/segment.ts";
import type { DerivedState } from "./derived-state.ts";
import type { LogConfig } from "./log-config.ts";
import type { Segments } from "./segments.ts";
import type { Turns } from "./turns.ts";

type StabilityOptions = {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Clock;
  readonly derived: DerivedState;
  readonly segments: Segments;
  readonly config: () => LogConfig;
  readonly syncs: Turns;
  readonly acknowledges: "written" | "synced";
  /** Everything below may be acknowledged. */
  readonly acknowledgeable: Watermark;
  readonly fail: (error: unknown) => void;
};

/** A sync that acknowledgements wait for and that takes longer than clients do is taken for failed: the disk hangs. */
const SYNC_MS_MAX = 30_000;

/**
 * How far a log is on stable storage, and how far it has to be before it is acknowledged: odradek.flush=group and flush.messages hold back
 * what is not synced yet, flush.ms syncs in the background, by default none does. One sync at a time; the next takes all that came meanwhile,
 * and while it waits for its turn among other logs it takes what comes then, too.
 */
export class Stability {
  readonly #options: StabilityOptions;
  #synced: number;
  /** What is in the page cache. */
  #written: number;
  #flushing: Promise<void> = Promise.resolve();
  #holding = false;
  #timer: Cancel | null = null;
  /** Ends the limit of the sync under way. */
  #cancelLimit: Cancel = () => {};
  /** Names were made, changed or removed that a power loss would take back (RELIABILITY L-05). */
  #namesUnsynced: boolean;
  /** Segments that take no more, and whose indexes may not be on stable storage: their records may be, since long. */
  readonly #sealed = new Set<Segment>();
  /** Counts changes of the segments. */
  #generation = 0;
  /** What `#generation` was at the last truncation: a sync that began before says nothing about what came after. */
  #truncation = 0;
  #closed = false;
  /** A sync has failed: the next one may succeed and say nothing about what this one lost (RELIABILITY L-11). */
  #failure: Error | null = null;

  /** `synced`: on stable storage, `written`: in the page cache, `namesSynced`: no file has been made or removed since. */
  constructor(options: StabilityOptions, at: { synced: number; written: number; namesSynced: boolean }) {
    this.#options = options;
    this.#namesUnsynced = !at.namesSynced;
    this.#synced = at.synced;
    this.#written = at.written;
    // It may have been cut where the next one begins, and the cut may be in the page cache only.
    const begun = at.namesSynced ? -1 : options.segments.bases().indexOf(at.synced);
    if (begun > 0) this.#sealed.add(options.segments.all()[begun - 1]!);
  }

  get synced(): number {
    return this.#synced;
  }

  get written(): number {
    return this.#written;
  }

  /** More is unsynced than may be acknowledged. */
  get isBehind(): boolean {
    const { acknowledges, config } = this.#options;
    const unsyncedMax = acknowledges === "synced" ? 1 : config().flushMessages;
    return this.#written - this.#synced >= unsyncedMax;
  }

  /** The page cache has everything below `end`. */
  wrote(end: number): void {
    this.#written = end;
    const { flushMs } = this.#options.config();
    if (flushMs !== Infinity && end > this.#synced) this.#flushWithin(flushMs);
    if (!this.isBehind) return this.#publish(end);
    this.#publish(this.#synced);
    if (!this.#holding) void this.#hold();
  }

  /** Resolves once everything below `end`, which is written, is on stable storage. A failure fences the log and rejects. */
  flush(end: number): Promise<void> {
    const flushed = this.#flushing.then(() => this.#flushOnce(end));
    this.#flushing = flushed.catch(() => undefined); // whoever asked is told; a failed log is fenced for good
    return flushed;
  }

  /** The page cache has everything below `end`, and new names; `sealed` takes no more. */
  rolled(end: number, sealed: Segment): void {
    this.sealed(sealed);
    this.#generation++;
    this.#written = end;
    this.#namesUnsynced = true;
  }

  /** The segment's indexes are complete. */
  sealed(segment: Segment): void {
    this.#sealed.add(segment);
  }

  /** The log was truncated. */
  movedBack(end: number): void {
    this.#truncation = ++this.#generation;
    this.#namesUnsynced = true;
    this.#synced = Math.min(this.#synced, end);
    this.#written = Math.min(this.#written, end);
  }

  /** The log is empty and starts anew. */
  restartAt(offset: number): void {
    this.#truncation = ++this.#generation;
    this.#synced = offset;
    this.#written = offset;
    this.#namesUnsynced = true;
  }

  /** Whether segments were neither sealed nor truncated since the log was opened. */
  get isUntouched(): boolean {
    return this.#generation === 0;
  }

  /** Takes no more; resolves when what is under way has ended. On a disk that hangs nothing ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.();
    if (this.#failure === null) await this.#flushing;
  }

  async #flushOnce(end: number): Promise<void> {
    if (end <= this.#synced && !this.#namesUnsynced && this.#sealed.size === 0) return this.#throwIfOver();
    await this.#options.syncs.take(() => this.#syncWritten());
  }

  /** Takes whatever is written by now. */
  async #syncWritten(): Promise<void> {
    this.#throwIfOver();
    const generation = this.#generation;
    const written = this.#written;
    this.#limit();
    try {
      await this.#syncFiles();
    } catch (error) {
      if (this.#closed || this.#failure !== null) throw error;
      this.#fail(error);
      throw error;
    } finally {
      this.#cancelLimit();
    }
    if (this.#truncation <= generation) this.#synced = Math.max(this.#synced, written);
  }

  /** One in the background may last longer, until acknowledgements wait for it. */
  #limit(): void {
    this.#cancelLimit = this.#options.clock.timer(SYNC_MS_MAX, () => {
      if (this.#closed || this.#failure !== null) return;
      if (this.isBehind) this.#fail(new Error(`no answer for ${SYNC_MS_MAX} ms`));
      else this.#limit();
    });
  }

  #fail(error: unknown): void {
    this.#failure = new Error(`a sync in ${this.#options.directory} has failed`, { cause: error });
    this.#options.fail(error);
  }

  /** Records, then what is derived from them, then the names: the recovery point may only move when all of it is safe. */
  async #syncFiles(): Promise<void> {
    const { segments, derived, files, directory } = this.#options;
    const { active } = segments;
    const names = this.#namesUnsynced;
    this.#namesUnsynced = false;
    const sealed = [...this.#sealed];
    for (const segment of new Set([...sealed, ...segments.all().slice(segments.floor(this.#synced))])) {
      if (segments.has(segment)) await segment.sync();
      this.#throwIfOver();
      this.#sealed.delete(segment);
      if (!segments.has(segment) || (segment === active && !sealed.includes(segment))) continue;
      await segment.syncIndexes();
      if (segment !== segments.active) segment.close();
      this.#throwIfOver();
    }
    await derived.save();
    if (names) await files.syncDirectory(directory);
  }

  /** A closed log's directory may already belong to another one of the same name; a failed one is over for good. */
  #throwIfOver(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closed) throw new Error(`the log in ${this.#options.directory} is closed`);
  }

  #flushWithin(flushMs: number): void {
    this.#timer ??= this.#options.clock.timer(flushMs, () => {
      this.#timer = null;
      if (!this.#closed) this.flush(this.#written).catch(() => undefined); // has fenced the log already
    });
  }

  #publish(end: number): void {
    const { acknowledgeable } = this.#options;
    if (end > acknowledgeable.value) acknowledgeable.advance(end);
  }

  /** Publishes only what has been synced, until no more is unsynced than may be. */
  async #hold(): Promise<void> {
    this.#holding = true;
    try {
      await this.flush(this.#written);
    } catch {
      return; // has fenced the log already: nothing is published any more
    } finally {
      this.#holding = false;
    }
    if (!this.#closed) this.wrote(this.#written);
  }
}
