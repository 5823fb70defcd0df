import { delay } from "@odradek/kit";

import type { Assignment } from "./assignment.ts";
import type { LeaderParts } from "./leader.ts";
import type { LocalReplica } from "./local-replica.ts";

/** No answer, or another picture meanwhile: again after this. */
const RETRY_MS = 500;

/**
 * We are to lead in an epoch that our own log has already reached: the tree has gone back, as after a restored snapshot. Leading so would write
 * old epochs behind new ones, and followers would cut off what was acknowledged. So the same leadership is asked for in the next epoch that
 * no record of ours has, and nothing is served until a picture shows it.
 */
export class EpochRaise {
  readonly #parts: LeaderParts;
  readonly #replica: LocalReplica;
  #assignment: Assignment;
  #ended = false;

  constructor(parts: LeaderParts, replica: LocalReplica, assignment: Assignment) {
    this.#parts = parts;
    this.#replica = replica;
    this.#assignment = assignment;
    void this.#run();
  }

  /** A newer picture of the same epoch. */
  update(assignment: Assignment): void {
    this.#assignment = assignment;
  }

  end(): void {
    this.#ended = true;
  }

  async #run(): Promise<void> {
    const { brokerId: leader, clock, inSyncStore } = this.#parts;
    const { derived, logger } = this.#replica;
    while (!this.#ended) {
      const { topic, partition, leaderEpoch, version, isr } = this.#assignment;
      const leadership = { leader, leaderEpoch: derived.epochs.latest + 1 };
      const fields = {
        evt: "epoch-went-back",
        partition: `${this.#replica}`,
        leaderEpoch,
        wanted: leadership.leaderEpoch,
      };
      logger.warn(
        fields,
        "the metadata has an older leader epoch than this log (a restored snapshot?): asking for a newer one",
      );
      try {
        const change = { topic, partition, leaderEpoch, version, isr, addedIncarnations: new Map<number, string>() };
        await inSyncStore.propose({ ...change, leadership });
      } catch (error) {
        logger.warn({ ...fields, err: error }, "a newer leader epoch: no answer");
      }
      await delay(clock, RETRY_MS);
    }
  }
}
