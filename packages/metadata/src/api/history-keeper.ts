import type { Cancel, Clock } from "@odradek/kit";
import type { HistoryLimits } from "../config.ts";
import type { Command } from "../tree/commands.ts";
import type { TreeStateMachine } from "../tree/machine.ts";

const tickMs = 1_000;
/** So much more than asked for may stay: one entry of the log then forgets many revisions, not one. */
const slack = 1 / 16;

export type KeeperParts = {
  machine: TreeStateMachine;
  clock: Clock;
  limits: HistoryLimits;
  isLeader: () => boolean;
  propose: (command: Command) => Promise<unknown>;
};

/** Lets the past end where the configuration says. Only the leader decides, and by an entry, so that all nodes forget the same (RELIABILITY R-26). */
export class HistoryKeeper {
  readonly #parts: KeeperParts;
  #cancel: Cancel = () => {};

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#schedule();
  }

  close(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#parts.clock.timer(tickMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const through = this.#parts.isLeader() ? this.#due() : null;
    // The next look comes after this entry was applied or lost.
    if (through !== null) await this.#parts.propose({ is: "compact", through });
    this.#schedule();
  }

  #due(): number | null {
    const { machine, clock, limits } = this.#parts;
    const { history, revision } = machine.state;
    const isTooMany = history.size > limits.revisionsMax * (1 + slack);
    const tooOldMs = clock.wallMs() - limits.ageMsMax;
    const isTooOld = history.before(tooOldMs - limits.ageMsMax * slack) > history.oldest;
    if (!isTooMany && !isTooOld) return null;
    return Math.max(revision - limits.revisionsMax, history.before(tooOldMs));
  }
}
