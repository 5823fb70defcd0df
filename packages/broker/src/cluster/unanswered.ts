import { type Clock, delay } from "@odradek/kit";
import type { Operation, Outcome, Session } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";

/** What a broker says of a change that it can't make now, in Kafka's words: retriable, and naming who does not answer. */
export type Unanswered = { is: "unanswered"; error: number; message: string };

/** The coordination store has no room for a change that makes it larger: somebody has to make some. */
export class NoSpaceError extends Error {
  override readonly name = "NoSpaceError";

  constructor() {
    super(noSpace);
  }
}

const noSpace =
  "The coordination store (the metadata nodes) can't grow: too little disk space is left on a majority of its " +
  "nodes. `odradek meta status` shows how much; once some is freed it goes on by itself.";

export type Answered = Exclude<Outcome, { is: "unknown" }>;

/**
 * A transaction for a request that somebody waits for: no longer than a change of the store's leader takes, for clients give up too. What was
 * not answered may still be done.
 */
export async function transact(
  session: Session,
  operations: Operation[],
  options: { clock: Clock; brokerId: number; timeoutMs: number },
): Promise<Answered | Unanswered> {
  const { clock, brokerId, timeoutMs } = options;
  // The session ended before it was answered, or has ended long ago: then nobody could be asked.
  const asked = session.multi(operations).catch((): Outcome => ({ is: "unknown" }));
  const outcome = await Promise.race([asked, delay(clock, timeoutMs)]);
  if (outcome?.is === "failed" && outcome.failure === "NO_SPACE")
    return { is: "unanswered", error: ErrorCode.KAFKA_STORAGE_ERROR, message: noSpace };
  if (outcome && outcome.is !== "unknown") return outcome;
  return {
    is: "unanswered",
    error: ErrorCode.REQUEST_TIMED_OUT,
    message:
      `Broker ${brokerId} reaches no quorum of the coordination store (the metadata nodes); ` +
      "the change may still be made when it is back.",
  };
}
