import type { Cancel, Clock } from "@odradek/kit";

/** A broker that owes an answer and has said nothing for so long is asked about. */
const SILENT_MS = 2_000;
/**
 * While it stays silent it is asked about again after a sixteenth of that time, within these bounds: we learn late by that part at most. A
 * session timeout of 6 s is so not made much longer, and a broker that is away for good costs a question every four seconds.
 */
const ASK_AGAIN_PART = 1 / 16;
const ASK_AGAIN_MS_MIN = 250;
const ASK_AGAIN_MS_MAX = 4_000;

type Watched = {
  /** The answers it owes, each with the time from which on that is overdue. */
  readonly owed: Set<{ readonly dueMs: number }>;
  heardMs: number;
  cancel: Cancel;
};

export type VigilParts = {
  readonly clock: Clock;
  /** Asks the others whether they still count the broker in. Rejects when nobody says. */
  isInCluster(broker: number): Promise<boolean>;
  /** The others have given it up. */
  gone(broker: number): void;
};

/**
 * Watches over brokers that owe answers. One that is paused or cut off keeps its connections open and answers nothing; the others
 * give it up after the session timeout, long before a request's deadline. So we ask them.
 */
export class Vigil {
  readonly #parts: VigilParts;
  readonly #watched = new Map<number, Watched>();

  constructor(parts: VigilParts) {
    this.#parts = parts;
  }

  /**
   * The answer of `broker`, watched for. It may take `mayWaitMs` on purpose: a fetch, until there is something. Not a join: whether its
   * coordinator still lives must not be known only when the rebalance timeout has passed.
   */
  async over<T>(broker: number, answer: Promise<T>, mayWaitMs = 0): Promise<T> {
    const { clock } = this.#parts;
    const watched = this.#watched.get(broker) ?? this.#watch(broker);
    const one = { dueMs: clock.now() + mayWaitMs };
    watched.owed.add(one);
    try {
      return await answer;
    } finally {
      watched.heardMs = clock.now();
      watched.owed.delete(one);
      if (watched.owed.size === 0) this.#forget(broker, watched);
    }
  }

  isSilent(broker: number): boolean {
    const watched = this.#watched.get(broker);
    return watched !== undefined && this.#silentMs(watched) >= SILENT_MS;
  }

  close(): void {
    for (const [broker, watched] of this.#watched) this.#forget(broker, watched);
  }

  #watch(broker: number): Watched {
    const { clock } = this.#parts;
    const watched: Watched = { owed: new Set(), heardMs: clock.now(), cancel: () => undefined };
    this.#watched.set(broker, watched);
    this.#lookIn(SILENT_MS, broker, watched);
    return watched;
  }

  #forget(broker: number, watched: Watched): void {
    watched.cancel();
    this.#watched.delete(broker);
  }

  /** Negative while all it owes may still wait. */
  #silentMs({ owed, heardMs }: Watched): number {
    const dueMs = Math.min(...[...owed].map((one) => one.dueMs));
    return this.#parts.clock.now() - Math.max(heardMs, dueMs);
  }

  #lookIn(waitMs: number, broker: number, watched: Watched): void {
    watched.cancel = this.#parts.clock.timer(waitMs, () => {
      const silentMs = this.#silentMs(watched);
      // Something that is due sooner may be asked for meanwhile.
      if (silentMs < SILENT_MS) this.#lookIn(Math.min(SILENT_MS - silentMs, SILENT_MS), broker, watched);
      else void this.#ask(broker, watched);
    });
  }

  async #ask(broker: number, watched: Watched): Promise<void> {
    // Nobody who says it is no reason to give up: the request's own deadline is still there.
    const isThere = await this.#parts.isInCluster(broker).catch(() => true);
    if (this.#watched.get(broker) !== watched) return;
    if (!isThere) return this.#parts.gone(broker);
    const againMs = Math.min(Math.max(this.#silentMs(watched) * ASK_AGAIN_PART, ASK_AGAIN_MS_MIN), ASK_AGAIN_MS_MAX);
    this.#lookIn(againMs, broker, watched);
  }
}
