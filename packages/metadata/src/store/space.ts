import type { Cancel, Clock, Files, Logger } from "@odradek/kit";
import type { SpaceLimits } from "../config.ts";

/** How much room the disk of a node has. Once no majority has more: low refuses clients' writes that make the tree larger, full all of them. */
export type Space = "ok" | "low" | "full";

const ranks: Record<Space, number> = { ok: 0, low: 1, full: 2 };

/** From the roomiest to the fullest. */
export const bySpace = (one: Space, other: Space): number => ranks[one] - ranks[other];

const MIB = 1024 * 1024;

/** What is written between two looks must fit between the two limits: 96 MiB, as long as these are not changed. */
const lookMs = 500;
/** So much more than a limit must be free before it counts as kept again, or every deleted file would change the state. */
const returnShare = 1 / 8;

export type SpaceParts = { files: Files; clock: Clock; logger: Logger; directory: string; limits: SpaceLimits };

/** Looks again and again how much room there is, and keeps a ballast file that goes when there is none (RELIABILITY R-20). */
export class SpaceWatch {
  /** Called when `space` has changed. One listener. */
  onSpace: (space: Space) => void = () => {};
  readonly #parts: SpaceParts;
  #space: Space = "ok";
  #freeBytes = Infinity;
  #cancel: Cancel = () => {};
  #isClosed = false;
  /** It was not yet looked for since there is room. */
  #wantsBallast = true;

  private constructor(parts: SpaceParts) {
    this.#parts = parts;
  }

  /** Resolves after the first look; the ballast is gone then, if its room is needed to open the store. */
  static async start(parts: SpaceParts): Promise<SpaceWatch> {
    const watch = new SpaceWatch(parts);
    await watch.#measure();
    // What fills the disk may be another program: then the ballast is what is left to open the store with.
    if (watch.space === "full")
      for (const path of [ballastOf(parts.directory), unfinishedOf(parts.directory)]) await parts.files.remove(path);
    watch.#schedule();
    return watch;
  }

  get space(): Space {
    return this.#space;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** One look at a time: on a disk that hangs the next one waits for the answer. */
  #schedule(): void {
    if (!this.#isClosed) this.#cancel = this.#parts.clock.timer(lookMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const before = this.#space;
    await this.#measure();
    if (this.#isClosed) return;
    if (this.#space !== before) this.#tell();
    if (this.#space !== "ok") this.#wantsBallast = true;
    else if (this.#wantsBallast) await this.#makeBallast();
    this.#schedule();
  }

  async #measure(): Promise<void> {
    const { files, logger, directory } = this.#parts;
    try {
      this.#freeBytes = await files.freeBytes(directory);
      this.#space = this.#judged(this.#freeBytes);
    } catch (error) {
      logger.warn({ evt: "SPACE_UNKNOWN", directory, err: error }, "can't tell how much room the disk has");
    }
  }

  #judged(freeBytes: number): Space {
    const { lowBytes, fullBytes } = this.#parts.limits;
    const needed = (bytes: number, isBack: boolean): number => (isBack ? bytes * (1 + returnShare) : bytes);
    if (freeBytes < needed(fullBytes, this.#space === "full")) return "full";
    return freeBytes < needed(lowBytes, this.#space !== "ok") ? "low" : "ok";
  }

  /** Tried once each time there is room. Under its name it is whole; written in pieces, so that nobody waits for all of it. */
  async #makeBallast(): Promise<void> {
    const { files, logger, directory } = this.#parts;
    this.#wantsBallast = false;
    if (files.exists(ballastOf(directory))) return;
    try {
      await this.#writeBallast();
      if (!this.#isClosed) files.rename(unfinishedOf(directory), ballastOf(directory));
    } catch (error) {
      logger.warn({ evt: "NO_BALLAST", directory, err: error }, "no space could be kept back to start on a full disk");
    }
  }

  async #writeBallast(): Promise<void> {
    const { files, directory, limits } = this.#parts;
    const file = files.open(unfinishedOf(directory), { create: true });
    try {
      for (let at = 0; at < limits.ballastBytes && !this.#isClosed; at += MIB) {
        file.write([Buffer.alloc(Math.min(MIB, limits.ballastBytes - at), 0xba)], at);
        await file.sync();
      }
    } finally {
      file.close();
    }
  }

  #tell(): void {
    const { logger, directory } = this.#parts;
    const fields = { evt: "SPACE", space: this.#space, freeBytes: this.#freeBytes, directory };
    if (this.#space === "ok") logger.info(fields, "there is room on the disk again");
    else
      logger.warn(
        fields,
        `the disk is ${this.#space}: writes of clients are refused once no majority has more room than ${directory}`,
      );
    this.onSpace(this.#space);
  }
}

const ballastOf = (directory: string): string => `${directory}/ballast`;
const unfinishedOf = (directory: string): string => `${ballastOf(directory)}.unfinished`;

/** The disk had no room for a write, as opposed to being broken. */
export function isNoSpace(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (("code" in cause && cause.code === "ENOSPC") || /No space left on device|ENOSPC/.test(cause.message))
      return true;
  return false;
}
