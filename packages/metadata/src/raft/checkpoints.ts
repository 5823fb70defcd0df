import type { Checkpoint } from "../store/state-digest.ts";

/** Remembered per member: whoever is further behind is compared when it has caught up. */
const checkpointsMax = 8;

export class Checkpoints {
  readonly #digests = new Map<number, Buffer>();
  #newest: Checkpoint | null = null;

  get newest(): Checkpoint | null {
    return this.#newest;
  }

  at(index: number): Buffer | null {
    return this.#digests.get(index) ?? null;
  }

  /** False when it was known. */
  note(checkpoint: Checkpoint): boolean {
    if (this.#digests.has(checkpoint.index)) return false;
    this.#digests.set(checkpoint.index, checkpoint.digest);
    if (checkpoint.index > (this.#newest?.index ?? 0)) this.#newest = checkpoint;
    for (const index of this.#digests.keys()) if (this.#digests.size > checkpointsMax) this.#digests.delete(index);
    return true;
  }
}
