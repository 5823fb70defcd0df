import type { Outcome } from "../client/types.ts";
import { limits } from "../limits.ts";

/** What became of a write; kept until the client has said that it knows. */
export type Answer = Exclude<Outcome, { is: "unknown" }>;

/** A session as the log knows it. Keep-alives are not entries, so time is not in here. */
export type SessionState = {
  readonly id: string;
  readonly name: string;
  readonly timeoutMs: number;
  /** Number of the newest connection; requests of older ones are refused (RELIABILITY C-12). */
  epoch: number;
  /** Attaches so far; an expiry that was decided before the last one is stale. */
  renewals: number;
  /** The last write that was applied. */
  lastSequence: number;
  /** The client knows the answers up to here; they are forgotten. */
  answeredUpTo: number;
  readonly answers: Map<number, Answer>;
  /** Paths of its ephemeral nodes: derived from the nodes, not stored. */
  readonly owned: Set<string>;
};

export type Admission = { is: "apply" } | { is: "repeated"; answer: Answer } | { is: "refused"; why: Refusal };
export type Refusal = "GAP" | "ANSWERED" | "TOO_MANY_IN_FLIGHT";

/** Forgets the answers the client has said it knows; returns their sequence numbers. */
export function forgetAnswered(session: SessionState, answeredUpTo: number): number[] {
  const forgotten: number[] = [];
  while (session.answeredUpTo < answeredUpTo && session.answeredUpTo < session.lastSequence) {
    session.answeredUpTo++;
    if (session.answers.delete(session.answeredUpTo)) forgotten.push(session.answeredUpTo);
  }
  return forgotten;
}

/** Decides at apply, never at propose, whether a write is new, a repeat or out of turn (DESIGN D1, RELIABILITY C-11). */
export function admit(session: SessionState, sequence: number): Admission {
  if (sequence <= session.answeredUpTo) return { is: "refused", why: "ANSWERED" };
  const answer = session.answers.get(sequence);
  if (answer) return { is: "repeated", answer };
  if (sequence !== session.lastSequence + 1) return { is: "refused", why: "GAP" };
  if (session.answers.size >= limits.inFlightMax) return { is: "refused", why: "TOO_MANY_IN_FLIGHT" };
  return { is: "apply" };
}
