import { delay } from "@odradek/kit";
import { ErrorCode, FetchApi, type FetchRequest, type ResponseDraft } from "@odradek/protocol";
import type { Partition, Read } from "../partition/partition.ts";
import { handler, type Parts, type RequestScope } from "./handler.ts";
import { locate, locateReplica, nameOfTopic, nodeEndpoints, TOPIC_IDS_SINCE } from "./locate.ts";
import { readsNearby, replicaNear } from "./read-replica.ts";

// Fetch (key 1).
// Reads in request order until maxBytes; the first partition with data gives one batch at least (KIP-74). With fewer than minBytes it
// waits for any of its partitions to grow, at most maxWaitMs; an error, or the end of a leadership, is answered at once (K-07).
// In a session (KIP-227) a client says and is told only what has changed; where there is no room for one it gets session id 0,
// which is always legal, and sends whole requests. A replica id is ignored:
// followers use another port (N-10). From v13 on topics go by id; from v16 on an answer that the leader is another names it (KIP-951).
// Where replicas are chosen by rack, a client that says its own is sent to a follower there, and served as one (KIP-392).
// Records leave in the pooled buffers they were read into.

type Draft = ResponseDraft<typeof FetchApi>;
/** A request with all that its session has said before. */
type Asked = Omit<FetchRequest, "topics"> & { readonly topics: readonly FetchRequest["topics"][number][] };
type AskedPartition = FetchRequest["topics"][number]["partitions"][number];
type Failure = { error: number; leader?: { id: number; epoch: number } };
type PartitionDraft = Draft["responses"][number]["partitions"][number];
type FetchParts = Pick<Parts, "cluster" | "replicas" | "config" | "clock" | "fetching" | "sessions">;
type FetchScope = Pick<RequestScope, "version" | "listener" | "afterSent">;

/** First version that names the leader of now with the error. */
const LEADERS_SINCE = 16;

/** A wait for many bytes looks again at most this often, not after every append. */
const GATHER_MS = 5;
const NO_RECORDS = Buffer.alloc(0);

export const fetch = handler(FetchApi, read, {
  failed: (_request, errorCode) => ({ errorCode, responses: [] }),
});

export async function read(parts: FetchParts, request: FetchRequest, scope: FetchScope): Promise<Draft> {
  const { clock, sessions } = parts;
  const context = sessions.begin(request, scope.version);
  if (typeof context === "number") return { errorCode: context, responses: [] };
  const { topics } = context;
  const endMs = clock.now() + Math.max(0, request.maxWaitMs);
  for (;;) {
    const round = new Round(parts, { ...request, topics }, scope);
    const timeoutMs = endMs - clock.now();
    if (round.isComplete || timeoutMs <= 0) {
      hold(parts, round.reads, scope);
      return { ...context.answer(round.responses), nodeEndpoints: round.nodeEndpoints };
    }
    for (const one of round.reads) one.release();
    await grown(parts, round.waits, timeoutMs);
    if (request.minBytes > 1) await delay(clock, Math.min(GATHER_MS, Math.max(0, endMs - clock.now())));
  }
}

/** Counts the bytes as long as they are on their way: never-reading clients must not fill the memory (RELIABILITY N-07). */
function hold({ fetching }: FetchParts, reads: readonly Read[], scope: FetchScope): void {
  for (const one of reads) {
    const bytes = one.records?.length ?? 0;
    fetching.take(bytes);
    scope.afterSent(() => {
      one.release();
      fetching.give(bytes);
    });
  }
}

/** One look at all partitions asked for. */
class Round {
  readonly responses: Draft["responses"][number][];
  readonly reads: Read[] = [];
  readonly waits: { partition: Partition; beyond: number }[] = [];
  readonly #parts: FetchParts;
  readonly #request: Asked;
  readonly #scope: FetchScope;
  /** Named with errors. */
  readonly #leaders: number[] = [];
  readonly #isNearby: boolean;
  #bytesLeft: number;
  #bytes = 0;
  #mustAnswer = false;

  constructor(parts: FetchParts, request: Asked, scope: FetchScope) {
    this.#parts = parts;
    this.#request = request;
    this.#scope = scope;
    this.#isNearby = readsNearby(parts, request, scope);
    this.#bytesLeft = Math.min(request.maxBytes, parts.config.fetch.bytesMax, parts.fetching.allowance);
    const hasIds = scope.version >= TOPIC_IDS_SINCE;
    this.responses = request.topics.map(({ topic, topicId, partitions }) => {
      const name = hasIds ? nameOfTopic(parts, topicId) : topic;
      const id = hasIds ? topicId : undefined;
      return { topic, topicId, partitions: partitions.map((asked) => this.#partition(name, id, asked)) };
    });
  }

  get nodeEndpoints(): ReturnType<typeof nodeEndpoints> {
    return nodeEndpoints(this.#parts, this.#leaders, this.#scope.listener);
  }

  get isComplete(): boolean {
    return this.#mustAnswer || this.#bytes >= this.#request.minBytes || this.waits.length === 0;
  }

  #partition(topic: string | undefined, topicId: string | undefined, asked: AskedPartition): PartitionDraft {
    if (topic === undefined) return this.#failed(asked.partition, { error: ErrorCode.UNKNOWN_TOPIC_ID });
    const located = (this.#isNearby ? locateReplica : locate)(this.#parts, topic, asked.partition, topicId);
    if (located.is === "elsewhere") return this.#failed(asked.partition, located);
    const { partition } = located;
    const isCommitted = this.#request.isolationLevel === 1;
    // Taken before reading: what is appended in between is not missed.
    const beyond = partition.high.value;
    const found = partition.read({
      offset: asked.fetchOffset,
      bytesMax: Math.max(0, Math.min(asked.partitionMaxBytes, this.#bytesLeft)),
      oneBatchAtLeast: this.#bytes === 0,
      leaderEpoch: asked.currentLeaderEpoch,
      lastFetchedEpoch: asked.lastFetchedEpoch,
      isolation: isCommitted ? "committed" : "uncommitted",
      mayFollow: this.#isNearby,
    });
    if (found.error !== ErrorCode.NONE) return this.#failed(asked.partition, found);
    const near = this.#isNearby ? this.#near(partition, asked) : null;
    if (near !== null) {
      found.release();
      found.records = null;
      this.#mustAnswer = true;
    }
    this.waits.push({ partition, beyond });
    if (found.diverging) this.#mustAnswer = true;
    if (found.records !== null) this.#take(found, found.records);
    return {
      partitionIndex: asked.partition,
      errorCode: ErrorCode.NONE,
      highWatermark: found.high,
      lastStableOffset: found.lastStable,
      logStartOffset: found.logStart,
      abortedTransactions: isCommitted ? [] : null,
      records: found.records ?? NO_RECORDS,
      ...(found.diverging ? { divergingEpoch: found.diverging } : {}),
      ...(near === null ? {} : { preferredReadReplica: near }),
    };
  }

  #near(partition: Partition, asked: AskedPartition): number | null {
    const { rackId } = this.#request;
    const client = { rackId, offset: asked.fetchOffset, listener: this.#scope.listener };
    return replicaNear(this.#parts, partition, client);
  }

  #take(found: Read, records: Buffer): void {
    this.reads.push(found);
    this.#bytes += records.length;
    this.#bytesLeft -= records.length;
  }

  #failed(partitionIndex: number, { error, leader }: Failure): PartitionDraft {
    this.#mustAnswer = true;
    const isNamed = leader !== undefined && this.#scope.version >= LEADERS_SINCE;
    if (isNamed) this.#leaders.push(leader.id);
    return {
      partitionIndex,
      errorCode: error,
      ...(isNamed ? { currentLeader: { leaderId: leader.id, leaderEpoch: leader.epoch } } : {}),
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
      abortedTransactions: null,
      records: NO_RECORDS,
    };
  }
}

/** Resolves when one of the partitions has more to read or changes its role, at the latest after `timeoutMs`. */
function grown({ clock }: FetchParts, waits: Round["waits"], timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const cancels = [clock.timer(timeoutMs, () => over())];
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      for (const cancel of cancels) cancel();
      resolve();
    };
    for (const { partition, beyond } of waits) {
      cancels.push(partition.high.when(beyond + 1, over));
      if (isOver) for (const cancel of cancels) cancel();
    }
  });
}
