import { type Clock, delay } from "@odradek/kit";
import type { Partition } from "../partition/partition.ts";

/** What is read before the rate is looked at again. */
const STEP_BYTES = 256 * 1024;

/**
 * Reads every log again, slowly: a disk changes what nobody reads, too, and the peers that could give it back may be gone by the time that
 * somebody asks for it (RELIABILITY L-02).
 */
export class Scrub {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #isOver: () => boolean;

  /** `bytesPerSecond` 0: never. */
  constructor(clock: Clock, bytesPerSecond: number, isOver: () => boolean) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#isOver = isOver;
  }

  /** One look at all of them, as long as their bytes and the rate ask. */
  async round(partitions: Iterable<Partition>): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    let read = 0;
    const pace = async (bytes: number): Promise<void> => {
      read += bytes;
      if (read < STEP_BYTES) return;
      const waitMs = (read / this.#bytesPerSecond) * 1000;
      read = 0;
      await delay(this.#clock, waitMs);
    };
    for (const partition of [...partitions]) {
      const { log } = partition.replica;
      if (this.#isOver()) return;
      if (log.failed !== null || !isServing(partition)) continue;
      try {
        const damages = await log.inspection.examine(pace);
        if (damages.length > 0) partition.damaged();
      } catch (error) {
        // Closed or deleted meanwhile: there is nothing left to read.
        if (!this.#isOver() && log.failed === null && isServing(partition)) throw error;
      }
    }
  }
}

const isServing = (partition: Partition): boolean => partition.role.is !== "offline";
