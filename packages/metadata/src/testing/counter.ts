import type { Session } from "../client/types.ts";

/**
 * Counts as fast as it can by compare-and-set until told to stop; every acknowledged step is counted here too. It fails when its
 * session does: so no fault may keep writes waiting for as long as the session timeout.
 */
export class Counter {
  acknowledged = 0;
  /** Between two acknowledgements. */
  longestGapMs = 0;
  readonly done: Promise<void>;
  #isStopped = false;

  constructor(session: Session) {
    this.done = this.#run(session);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.done;
  }

  async #run(session: Session): Promise<void> {
    let version = 1;
    for (let last = performance.now(); !this.#isStopped; last = performance.now()) {
      const outcome = await session.set("/counter", Buffer.from(String(version)), version);
      if (outcome.is !== "done") throw new Error(`set of version ${version}: ${JSON.stringify(outcome)}`);
      version = outcome.results[0]!.version;
      this.acknowledged++;
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - last);
    }
  }
}
