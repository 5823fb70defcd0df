import type { Cancel, Clock } from "@odradek/kit";

/** A broker that owes an answer and has said nothing for so long is asked about. */
const SILENT_MS = 2_000;
const ASK_AGAIN_MS = 500;

type Watched = { pending: number; heardMs: number; cancel: Cancel };

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

  /** The answer of `broker`, watched for. */
  async over<T>(broker: number, answer: Promise<T>): Promise<T> {
    const watched = this.#watched.get(broker) ?? this.#watch(broker);
    watched.pending++;
    try {
      return await answer;
    } finally {
      watched.heardMs = this.#parts.clock.now();
      if (--watched.pending === 0) this.#forget(broker, watched);
    }
  }

  isSilent(broker: number): boolean {
    const watched = this.#watched.get(broker);
    return watched !== undefined && this.#parts.clock.now() - watched.heardMs >= SILENT_MS;
  }

  close(): void {
    for (const [broker, watched] of this.#watched) this.#forget(broker, watched);
  }

  #watch(broker: number): Watched {
    const { clock } = this.#parts;
    const watched: Watched = { pending: 0, heardMs: clock.now(), cancel: () => undefined };
    this.#watched.set(broker, watched);
    this.#lookIn(SILENT_MS, broker, watched);
    return watched;
  }

  #forget(broker: number, watched: Watched): void {
    watched.cancel();
    this.#watched.delete(broker);
  }

  #lookIn(waitMs: number, broker: number, watched: Watched): void {
    watched.cancel = this.#parts.clock.timer(waitMs, () => {
      const silentMs = this.#parts.clock.now() - watched.heardMs;
      if (silentMs < SILENT_MS) this.#lookIn(SILENT_MS - silentMs, broker, watched);
      else void this.#ask(broker, watched);
    });
  }

  async #ask(broker: number, watched: Watched): Promise<void> {
    // Nobody who says it is no reason to give up: the request's own deadline is still there.
    const isThere = await this.#parts.isInCluster(broker).catch(() => true);
    if (this.#watched.get(broker) !== watched) return;
    if (isThere) this.#lookIn(ASK_AGAIN_MS, broker, watched);
    else this.#parts.gone(broker);
  }
}
