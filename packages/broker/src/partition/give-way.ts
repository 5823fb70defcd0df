import type { AttachRequest } from "./answers.ts";
import type { Assignment } from "./assignment.ts";
import type { LeaderParts } from "./leader.ts";
import type { LocalReplica } from "./local-replica.ts";

/**
 * A follower's log is ahead of the epoch that we lead in. That is so only when the tree has gone back, as after a restored snapshot, and named
 * a leader that had fallen behind: what the follower has may be acknowledged. As long as nothing was written in our epoch the follower is made
 * leader; once there was, only a person can tell which records count, and both logs stay as they are.
 */
export class GiveWay {
  readonly #parts: LeaderParts;
  readonly #replica: LocalReplica;
  #proposing = false;
  /** An earlier try ended without an answer: it may yet take effect. */
  #uncertain = false;
  readonly #told = new Set<number>();

  constructor(parts: LeaderParts, replica: LocalReplica) {
    this.#parts = parts;
    this.#replica = replica;
  }

  /** Nothing may be appended: another log is about to count. */
  get isUnderWay(): boolean {
    return this.#proposing || this.#uncertain;
  }

  /** A newer picture of the same epoch: whatever was asked for has not come. */
  renewed(): void {
    this.#uncertain = false;
  }

  to(request: AttachRequest, assignment: Assignment, epochStart: number): void {
    if (this.#proposing) return;
    const { broker, lastEpoch, end } = request;
    const { leaderEpoch } = assignment;
    const fields = { evt: "follower-ahead", partition: `${this.#replica}`, broker, lastEpoch, end, leaderEpoch };
    if (this.#replica.log.end > epochStart) {
      if (this.#told.has(broker)) return;
      this.#told.add(broker);
      this.#replica.logger.error(
        fields,
        "a follower has records of a newer leader epoch than ours (a restored snapshot?), and we have new ones: it is not taken in, " +
          "its log is kept; save what it has, then move the replica away from that broker and back",
      );
      return;
    }
    this.#replica.logger.warn(fields, "a follower has records of a newer leader epoch than ours: it is to lead");
    this.#proposing = true;
    void this.#propose(request, assignment);
  }

  async #propose(request: AttachRequest, assignment: Assignment): Promise<void> {
    const { broker, incarnation } = request;
    const { topic, partition, leaderEpoch, version, isr } = assignment;
    const isInSync = isr.includes(broker);
    try {
      const outcome = await this.#parts.inSyncStore.propose({
        topic,
        partition,
        leaderEpoch,
        version,
        isr: isInSync ? isr : [...isr, broker],
        addedIncarnations: new Map(isInSync ? [] : [[broker, incarnation]]),
        leadership: { leader: broker, leaderEpoch: request.lastEpoch + 1 },
      });
      if (outcome === "accepted") this.#uncertain = true;
    } catch (error) {
      this.#uncertain = true;
      this.#replica.logger.warn({ evt: "give-way-unknown", partition: `${this.#replica}`, err: error }, "no answer");
    }
    this.#proposing = false;
  }
}
