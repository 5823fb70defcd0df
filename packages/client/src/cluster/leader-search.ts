import type { Cancel } from "@odradek/kit";
import type { Cluster } from "./cluster.ts";
import { backoffMs } from "./retry.ts";

export type Search = {
  /** Topics of whose partitions somebody still looks for the leader. */
  missing(): Iterable<string>;
  /** There are answers: perhaps some have been found. */
  answered(): void;
};

/** A dead leader has a successor after some hundred milliseconds: so long it is asked for in steps of this length, then in longer ones. */
const STEP_MS = 100;
const STEP_MS_MAX = 1_000;
const EVEN_STEPS = 10;

/** Asks who leads until nobody misses a leader, so that whoever does need not wait for its own next attempt to find out. */
export class LeaderSearch {
  readonly #cluster: Cluster;
  readonly #search: Search;
  #isRunning = false;
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(cluster: Cluster, search: Search) {
    this.#cluster = cluster;
    this.#search = search;
  }

  /** Somebody misses a leader. */
  begin(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    void this.#step(0);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #step(count: number): Promise<void> {
    const topics = new Set(this.#search.missing());
    if (topics.size > 0) {
      // What fails here fails again, and is counted, when the partition is used.
      await this.#cluster.refresh([...topics]).catch(() => undefined);
      if (this.#isClosed) return;
      this.#search.answered();
    }
    if ([...this.#search.missing()].length === 0) {
      this.#isRunning = false;
      return;
    }
    const { clock, random } = this.#cluster;
    const backoff = { retryBackoffMs: STEP_MS, retryBackoffMsMax: STEP_MS_MAX };
    const waitMs = backoffMs(Math.max(0, count - EVEN_STEPS), backoff, random);
    this.#cancel = clock.timer(waitMs, () => void this.#step(count + 1));
  }
}
