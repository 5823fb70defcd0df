import { type Clock, integerBelow, type Random } from "@odradek/kit";
import { ErrorCode, type FetchApi, type FetchRequest, type ResponseDraft } from "@odradek/protocol";
import { TOPIC_IDS_SINCE } from "./locate.ts";

type AskedTopic = FetchRequest["topics"][number];
type AskedPartition = AskedTopic["partitions"][number];
type TopicDraft = ResponseDraft<typeof FetchApi>["responses"][number];
type PartitionDraft = TopicDraft["partitions"][number];

/** One partition of a session: what the client asks, and what it was told last. */
type Remembered = {
  readonly topic: string;
  readonly topicId: string;
  asked: AskedPartition;
  high: number;
  lastStable: number;
  start: number;
};

/** What one request is about. */
export type FetchContext = {
  readonly topics: readonly AskedTopic[];
  /** Leaves out what the client knows already, and says which session it is in: 0 for none. */
  answer(responses: readonly TopicDraft[]): { sessionId: number; responses: readonly TopicDraft[] };
};

/** A session that has not been used for this long may make room for a new one (Kafka: min.incremental.fetch.session.eviction.ms). */
const IDLE_MS = 120_000;
/** Partitions that all sessions together may remember: some 60 MB. Who finds no room sends whole requests. */
const PARTITIONS_MAX = 200_000;
const EPOCH_MAX = 0x7fff_ffff;
/** Epochs of requests outside a session, and of those that begin one (KIP-227). */
const FINAL = -1;
const INITIAL = 0;

/** What fetching clients need not say again with every request (KIP-227): bounded, and whoever finds no room is served all the same. */
export class FetchSessions {
  readonly #options: { slotsMax: number; clock: Clock; random: Random };
  /** The one unused for the longest first. */
  readonly #sessions = new Map<number, Session>();
  #partitions = 0;

  constructor(options: { slotsMax: number; clock: Clock; random: Random }) {
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Partitions remembered by all sessions. */
  get partitions(): number {
    return this.#partitions;
  }

  /** Takes a request into its session, or answers why that can't be. */
  begin(request: FetchRequest, version: number): FetchContext | ErrorCode {
    const { sessionId, sessionEpoch, topics } = request;
    if (sessionEpoch === FINAL || sessionEpoch === INITIAL) {
      this.#drop(sessionId);
      if (sessionEpoch === FINAL) return { topics, answer: (responses) => ({ sessionId: 0, responses }) };
      return { topics, answer: (responses) => ({ sessionId: this.#open(topics, responses, version), responses }) };
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
    if (session.hasIds !== version >= TOPIC_IDS_SINCE) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR;
    if (session.epoch !== sessionEpoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH;
    this.#partitions -= session.size;
    session.update(request);
    this.#partitions += session.size;
    this.#used(sessionId, session);
    if (this.#partitions > PARTITIONS_MAX) this.#drop(sessionId);
    return {
      topics: session.topics(),
      // One that was dropped meanwhile has told the client nothing false: its next request finds no session.
      answer: (responses) => ({ sessionId, responses: session.news(responses) }),
    };
  }

  #open(topics: readonly AskedTopic[], responses: readonly TopicDraft[], version: number): number {
    const session = new Session(version >= TOPIC_IDS_SINCE, topics);
    if (session.size === 0 || !this.#hasRoom(session.size)) return 0;
    let id = 0;
    while (id === 0 || this.#sessions.has(id)) id = integerBelow(this.#options.random, EPOCH_MAX) + 1;
    session.news(responses);
    this.#partitions += session.size;
    this.#used(id, session);
    return id;
  }

  #hasRoom(partitions: number): boolean {
    const isFull = (): boolean =>
      this.#sessions.size >= this.#options.slotsMax || this.#partitions + partitions > PARTITIONS_MAX;
    for (const [id, { usedMs }] of this.#sessions) {
      if (!isFull() || this.#options.clock.now() - usedMs < IDLE_MS) break;
      this.#drop(id);
    }
    return !isFull();
  }

  #used(id: number, session: Session): void {
    session.usedMs = this.#options.clock.now();
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
  }

  #drop(id: number): void {
    this.#partitions -= this.#sessions.get(id)?.size ?? 0;
    this.#sessions.delete(id);
  }
}

/** What one client asks for, as its requests have said it bit by bit. */
class Session {
  readonly hasIds: boolean;
  /** That the next request must have. */
  epoch = 1;
  usedMs = 0;
  /** In the order of reading: who was given records goes to the end, so that all come to their turn. */
  readonly #partitions = new Map<string, Remembered>();

  constructor(hasIds: boolean, topics: readonly AskedTopic[]) {
    this.hasIds = hasIds;
    this.#take(topics);
  }

  get size(): number {
    return this.#partitions.size;
  }

  update({ topics, forgottenTopicsData }: FetchRequest): void {
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1;
    for (const topic of forgottenTopicsData)
      for (const partition of topic.partitions) this.#partitions.delete(this.#key(topic, partition));
    this.#take(topics);
  }

  /** Everything asked for; a topic comes again when another stands in between. */
  topics(): AskedTopic[] {
    const topics: AskedTopic[] = [];
    for (const { topic, topicId, asked } of this.#partitions.values()) {
      const last = topics.at(-1);
      if (last !== undefined && (this.hasIds ? last.topicId === topicId : last.topic === topic))
        last.partitions.push(asked);
      else topics.push({ topic, topicId, partitions: [asked] });
    }
    return topics;
  }

  /** Of an answer, what the client has not been told yet; remembers that it is told now. */
  news(responses: readonly TopicDraft[]): TopicDraft[] {
    const news: TopicDraft[] = [];
    for (const topic of responses) {
      const partitions = topic.partitions.filter((one) => this.#isNews(topic, one));
      if (partitions.length > 0) news.push({ ...topic, partitions });
    }
    return news;
  }

  #take(topics: readonly AskedTopic[]): void {
    for (const { topic, topicId, partitions } of topics)
      for (const asked of partitions) {
        const key = this.#key({ topic, topicId }, asked.partition);
        const known = this.#partitions.get(key);
        if (known) known.asked = asked;
        else this.#partitions.set(key, { topic, topicId, asked, high: -1, lastStable: -1, start: -1 });
      }
  }

  #isNews({ topic = "", topicId = "" }: TopicDraft, one: PartitionDraft): boolean {
    const key = this.#key({ topic, topicId }, one.partitionIndex);
    const known = this.#partitions.get(key);
    if (known === undefined) return true;
    const { lastStableOffset: lastStable = -1, logStartOffset: start = -1, highWatermark } = one;
    // An error is told again and again; what comes after it is news in any case.
    const high = one.errorCode === ErrorCode.NONE ? highWatermark : -1;
    const hasRecords = one.records !== null && one.records.length > 0;
    const isNews =
      hasRecords ||
      one.errorCode !== ErrorCode.NONE ||
      one.divergingEpoch !== undefined ||
      (one.preferredReadReplica ?? -1) >= 0 ||
      known.high !== high ||
      known.lastStable !== lastStable ||
      known.start !== start;
    Object.assign(known, { high, lastStable, start });
    if (hasRecords) {
      this.#partitions.delete(key);
      this.#partitions.set(key, known);
    }
    return isNews;
  }

  #key({ topic, topicId }: { topic: string; topicId: string }, partition: number): string {
    return `${this.hasIds ? topicId : topic}:${partition}`;
  }
}
