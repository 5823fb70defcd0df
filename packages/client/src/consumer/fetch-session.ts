import { ErrorCode, type FetchApi, type RequestDraft, UUID_ZERO } from "@odradek/protocol";
import { TOPIC_IDS_SINCE } from "../cluster/metadata.ts";
import { groupedBy } from "../cluster/offsets.ts";

/** What is asked of one partition. */
export type Wanted = {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
};

type Draft = RequestDraft<typeof FetchApi>;
type SessionPart = Pick<Draft, "sessionId" | "sessionEpoch" | "topics" | "forgottenTopicsData">;

/** Epochs of a request that begins a session, and of one that ends it (KIP-227). */
const BEGIN = 0;
const END = -1;
const EPOCH_MAX = 0x7fff_ffff;
/** First version that says which batch came before the one asked for (KIP-595). */
const LAST_EPOCHS_SINCE = 12;

/** Of another session, or none: the next request begins a new one. */
const endsSession: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
  ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
]);

/**
 * What one broker remembers of what we ask, so that only changes need to be said (KIP-227). A broker that keeps no sessions, or has no
 * room for ours, answers with session 0 and gets whole requests. One request at a time.
 */
export class FetchSession {
  #id = 0;
  #epoch = BEGIN;
  #hasIds = false;
  #asked: ReadonlyMap<string, Wanted> = new Map();
  readonly #partitionBytesMax: number;

  constructor(partitionBytesMax: number) {
    this.#partitionBytesMax = partitionBytesMax;
  }

  get isOpen(): boolean {
    return this.#id !== 0;
  }

  /** The part of the next request that says what is wanted, in this version of Fetch. */
  ask(wanted: readonly Wanted[], version: number): SessionPart {
    const hasIds = version >= TOPIC_IDS_SINCE;
    if (hasIds !== this.#hasIds) this.#epoch = BEGIN;
    this.#hasIds = hasIds;
    const before = this.#epoch === BEGIN ? new Map<string, Wanted>() : this.#asked;
    const now = new Map(wanted.map((one) => [keyOf(one), one]));
    this.#asked = now;
    const changed = [...now].filter(([key, one]) => !isSame(one, before.get(key))).map(([, one]) => one);
    const forgotten = [...before].filter(([key]) => !now.has(key)).map(([, one]) => one);
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: byTopic(changed).map(({ topic, list }) => ({ ...topic, partitions: list.map(this.#partition(version)) })),
      forgottenTopicsData: byTopic(forgotten).map(({ topic, list }) => ({
        ...topic,
        partitions: list.map(({ partition }) => partition),
      })),
    };
  }

  /**
   * False: the broker knows nothing of our session, has answered nothing, and the whole request is to be said at once. When this was one
   * already, saying it again helps only after a while: that is an error like any other.
   */
  answered({ errorCode, sessionId }: { readonly errorCode: number; readonly sessionId: number }): boolean {
    if (endsSession.has(errorCode)) {
      const wasWhole = this.#epoch === BEGIN;
      if (errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND) this.#id = 0;
      this.#epoch = BEGIN;
      return wasWhole;
    }
    this.#id = sessionId;
    this.#epoch = sessionId === 0 ? BEGIN : this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1;
    return true;
  }

  /** Nobody knows what became of the last request. */
  lost(): void {
    this.#epoch = BEGIN;
  }

  /** What ends the session, so that the broker need not keep it until it is idle for long. */
  end(): SessionPart {
    const sessionId = this.#id;
    this.#id = 0;
    this.#epoch = BEGIN;
    return { sessionId, sessionEpoch: END, topics: [], forgottenTopicsData: [] };
  }

  #partition(version: number) {
    return ({ partition, fetchOffset, currentLeaderEpoch, lastFetchedEpoch }: Wanted) => ({
      partition,
      fetchOffset,
      currentLeaderEpoch,
      lastFetchedEpoch: version >= LAST_EPOCHS_SINCE ? lastFetchedEpoch : -1,
      partitionMaxBytes: this.#partitionBytesMax,
    });
  }
}

/** A topic created anew is another one. */
const keyOf = ({ topic, topicId, partition }: Wanted): string => `${topic}/${topicId}/${partition}`;

const isSame = (one: Wanted, other: Wanted | undefined): boolean =>
  one.fetchOffset === other?.fetchOffset &&
  one.currentLeaderEpoch === other.currentLeaderEpoch &&
  one.lastFetchedEpoch === other.lastFetchedEpoch;

const byTopic = (wanted: readonly Wanted[]): { topic: { topic: string; topicId: string }; list: Wanted[] }[] =>
  [...groupedBy(wanted, ({ topic, topicId }) => `${topic}/${topicId}`).values()].map((list) => ({
    topic: { topic: list[0]!.topic, topicId: list[0]!.topicId ?? UUID_ZERO },
    list,
  }));
