import type { Cancel, Clock } from "@odradek/kit";

type Verdict = { timeoutMs: number; silentAt: number; brokenAt: number; isSentenced: boolean };

export const judgement = {
  tickMs: 50,
  /** A timer this late is the ordinary noise of a busy loop; what is beyond did not count for anyone. */
  latenessMs: 50,
  /** For a client whose stream broke to attach again. */
  graceMs: 300,
  /** Clients say something every 500 ms. A stream that breaks longer after the last word was given up by the transport: that is silence. */
  wordMs: 900,
  /** The grace after a change of leader, when every client has to find the new one. */
  newLeaderGraceMs: 1000,
} as const;

/**
 * Decides which sessions are dead; runs on the Raft leader only (DESIGN D3). It counts its own time, which stands still while
 * its loop does: a stalled machine expires nobody on waking (RELIABILITY C-18).
 */
export class Judge {
  readonly #clock: Clock;
  readonly #sentence: (session: string) => void;
  readonly #sessions = new Map<string, Verdict>();
  #counted = 0;
  #tickedAt = 0;
  #cancel: Cancel | null = null;

  constructor(clock: Clock, sentence: (session: string) => void) {
    this.#clock = clock;
    this.#sentence = sentence;
  }

  /** Time as the judge counts it. */
  get #now(): number {
    return this.#counted + Math.min(this.#clock.now() - this.#tickedAt, judgement.tickMs + judgement.latenessMs);
  }

  /** Begins a term: every session has a full timeout to be heard (RELIABILITY C-01), and the longer grace to attach. */
  start(sessions: Iterable<{ id: string; timeoutMs: number }>): void {
    this.stop();
    this.#tickedAt = this.#clock.now();
    for (const { id, timeoutMs } of sessions)
      this.#sessions.set(id, {
        timeoutMs,
        silentAt: this.#now + timeoutMs,
        brokenAt: this.#now + judgement.newLeaderGraceMs,
        isSentenced: false,
      });
    this.#schedule();
    this.#lookAfter(judgement.newLeaderGraceMs);
  }

  /** Ends the term: this node judges nobody. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#sessions.clear();
  }

  attached(id: string, timeoutMs: number): void {
    if (!this.#cancel) return;
    const silentAt = this.#now + timeoutMs;
    this.#sessions.set(id, { timeoutMs, silentAt, brokenAt: Infinity, isSentenced: false });
  }

  heard(id: string): void {
    const verdict = this.#sessions.get(id);
    if (verdict) verdict.silentAt = this.#now + verdict.timeoutMs;
  }

  /** The stream is gone: at once after the last word, so the client's process is dead, or after a silence, which has its own limit. */
  broken(id: string): void {
    const verdict = this.#sessions.get(id);
    if (!verdict) return;
    const heardAt = verdict.silentAt - verdict.timeoutMs;
    if (this.#now - heardAt > judgement.wordMs) return;
    verdict.brokenAt = this.#now + judgement.graceMs;
    this.#lookAfter(judgement.graceMs);
  }

  /** Its process is gone for certain: no grace. */
  dead(id: string): void {
    const verdict = this.#sessions.get(id);
    if (!verdict) return;
    verdict.brokenAt = this.#now;
    this.#look();
  }

  /** The expiry did not come about: judged again at the next tick, or after a full timeout when it was stale. */
  spared(id: string, isStale: boolean): void {
    const verdict = this.#sessions.get(id);
    if (!verdict) return;
    verdict.isSentenced = false;
    if (isStale) verdict.silentAt = this.#now + verdict.timeoutMs;
  }

  ended(id: string): void {
    this.#sessions.delete(id);
  }

  #schedule(): void {
    this.#cancel = this.#clock.timer(judgement.tickMs, () => {
      this.#schedule();
      this.#look();
    });
  }

  /** A grace ends between two ticks: whoever waits for a new leader has waited long enough. */
  #lookAfter(graceMs: number): void {
    this.#clock.timer(graceMs + 1, () => {
      if (this.#cancel) this.#look();
    });
  }

  #look(): void {
    this.#counted = this.#now;
    this.#tickedAt = this.#clock.now();
    for (const [id, verdict] of this.#sessions) {
      if (verdict.isSentenced || this.#counted < Math.min(verdict.silentAt, verdict.brokenAt)) continue;
      verdict.isSentenced = true;
      this.#sentence(id);
    }
  }
}
