import type { SimResult } from "./result.ts";

/** What a world comes to: its first failure, and a trace of all that happened in it. */
export class Outcome {
  failure: unknown = null;
  #trace = 0x811c9dc5;

  fail(error: unknown): void {
    this.failure ??= error;
  }

  /** For a check where the product would take a violation for a failure of its own. */
  holds(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fail(error);
    }
  }

  note(value: number): void {
    this.#trace = Math.imul(this.#trace ^ (value >>> 0), 0x01000193) >>> 0;
  }

  get trace(): string {
    return this.#trace.toString(16);
  }
}

/** Runs a world. A promise that rejects with nobody to hear of it is a failure, too. */
export async function runWorld(world: { outcome: Outcome; run(): Promise<SimResult> }): Promise<SimResult> {
  const unheard = (error: unknown): void => world.outcome.fail(error);
  process.on("unhandledRejection", unheard);
  try {
    return await world.run();
  } finally {
    process.off("unhandledRejection", unheard);
  }
}
