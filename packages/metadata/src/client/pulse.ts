import type { Cancel, Clock } from "@odradek/kit";

export const pulse = {
  tickMs: 50,
  /** What a tick is late beyond this did not count: the loop stood still, and perhaps the whole machine (RELIABILITY C-18). */
  latenessMs: 50,
  keepAliveMs: 500,
  /** Without a bookmark for so long, others are asked who leads. */
  silenceMs: 1_000,
  /** How often. The new leader gives its clients one second from its first entry. */
  askMs: 200,
  /** Without one for so long, the link is given up even if nobody else leads. */
  brokenMs: 3_000,
} as const;

export type PulseEvents = {
  keepAlive(number: number): void;
  /** No bookmark for a while. */
  silent(): void;
  /** No bookmark for long. */
  broken(): void;
  /** The session's timeout has passed since the last confirmed keep-alive was sent (RELIABILITY C-03). */
  expired(): void;
  /** Every tick. */
  tick(now: number): void;
};

/**
 * The client's own judgement of its session by a monotonic clock. The timeout counts from the moment a keep-alive was *sent* that a
 * quorum-confirmed leader later named, and only while this loop ran; after a longer stall the link is renewed, and the store says
 * whether the session still lives.
 */
export class Pulse {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #events: PulseEvents;
  #cancel: Cancel = () => {};
  #counted = 0;
  #tickedAt: number;
  /** Null before the first link: there is no session yet that could expire. */
  #confirmedAt: number | null = null;
  #number = 0;
  #sent: { number: number; at: number }[] = [];
  #isLinked = false;
  #markedAt = 0;
  #askedAt = 0;
  #keptAt = 0;

  constructor(clock: Clock, timeoutMs: number, events: PulseEvents) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#tickedAt = clock.now();
    this.#schedule();
  }

  /** A new link: attaching was itself an entry that a quorum committed. `askedAt` is when the attach was sent, by `counted`. */
  linked(askedAt: number): void {
    this.#isLinked = true;
    this.#confirmedAt = Math.max(this.#confirmedAt ?? 0, askedAt);
    this.#markedAt = this.counted;
    this.#sent = [];
  }

  unlinked(): void {
    this.#isLinked = false;
  }

  /** Time as this pulse counts it. */
  get counted(): number {
    return this.#counted + Math.min(this.#clock.now() - this.#tickedAt, pulse.tickMs + pulse.latenessMs);
  }

  bookmark(keepAlive: number): void {
    this.#markedAt = this.counted;
    while (this.#sent[0] && this.#sent[0].number <= keepAlive) this.#confirmedAt = this.#sent.shift()!.at;
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#clock.timer(pulse.tickMs, () => this.#tick());
  }

  #tick(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#tickedAt;
    this.#tickedAt = now;
    this.#counted += Math.min(elapsed, pulse.tickMs + pulse.latenessMs);
    this.#schedule();
    if (this.#confirmedAt !== null && this.#counted - this.#confirmedAt > this.#timeoutMs)
      return this.#events.expired();
    if (this.#isLinked) this.#watchLink(elapsed);
    this.#events.tick(now);
  }

  #watchLink(elapsed: number): void {
    const silentFor = this.#counted - this.#markedAt;
    if (silentFor > pulse.brokenMs || elapsed > this.#timeoutMs) return this.#events.broken();
    if (silentFor > pulse.silenceMs && this.#counted - this.#askedAt > pulse.askMs) {
      this.#askedAt = this.#counted;
      this.#events.silent();
    }
    if (this.#counted - this.#keptAt < pulse.keepAliveMs) return;
    this.#keptAt = this.#counted;
    this.#sent.push({ number: ++this.#number, at: this.#counted });
    this.#events.keepAlive(this.#number);
  }
}
