import type { Cancel } from "@odradek/kit";
import { ErrorCode, ProduceApi, type ProduceResponse, UUID_ZERO } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { LeaderSearch } from "../cluster/leader-search.ts";
import { versionMaxFor } from "../cluster/metadata.ts";
import { groupedBy } from "../cluster/offsets.ts";
import { backoffMs } from "../cluster/retry.ts";
import { DeadlineError, KafkaError, mayRetry, refusesRecords, saysStaleMetadata } from "../errors.ts";
import type { Identity, OutgoingBatch } from "./batch.ts";
import { freshIdentity } from "./identity.ts";
import type { PartitionLane } from "./lane.ts";
import type { ProducerSettings } from "./options.ts";

/** Above this a request is closed and the next one begun. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
const REQUESTS_PER_BROKER_MAX = 5;

/** The broker has lost our place in the sequence, or fenced us: nothing was written, and a new identity begins anew. */
const doubtsIdentity: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
]);

export interface BatchEvents {
  /** A batch has left, acknowledged or given up. */
  gone(batch: OutgoingBatch): void;
  /** One has become two. */
  split(): void;
}

/** Sends what is due, one request per broker and turn, and decides what becomes of every batch. */
export class Sender {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #lanes: ReadonlyMap<string, PartitionLane>;
  readonly #events: BatchEvents;
  readonly #requests = new Map<number, number>();
  #identity: Identity | null = null;
  #identifying = false;
  #isClosed = false;
  readonly #search: LeaderSearch;
  #wake: { readonly atMs: number; readonly cancel: Cancel } | null = null;
  /** Batches are due at once, full or not. */
  isFlushing = false;

  constructor(
    cluster: Cluster,
    settings: ProducerSettings,
    lanes: ReadonlyMap<string, PartitionLane>,
    events: BatchEvents,
  ) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#lanes = lanes;
    this.#events = events;
    this.#search = new LeaderSearch(cluster, {
      missing: () => this.#missing(),
      answered: () => this.run(),
    });
  }

  /** Sends all batches that are due and can be sent now; comes back by itself for those that can't. */
  run(): void {
    if (this.#isClosed) return;
    const { clock } = this.#cluster;
    const now = clock.now();
    const sendable: PartitionLane[] = [];
    for (const lane of this.#lanes.values()) {
      if (lane.first === null || lane.isInFlight) continue;
      if (this.#expire(lane, now)) continue;
      if (this.#isFound(lane)) lane.notBeforeMs = 0;
      const dueMs = Math.max(
        lane.notBeforeMs,
        this.#isReady(lane) ? now : lane.first.createdMs + this.#settings.lingerMs,
      );
      if (dueMs > now) this.#wakeAt(dueMs);
      else if (this.#hasRoute(lane) && this.#isIdentified(lane)) sendable.push(lane);
    }
    for (const [broker, lanes] of groupedBy(sendable, ({ route }) => route!.leader)) this.#dispatch(broker, lanes);
  }

  /** Gives up what is left. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values())
      while (lane.first !== null)
        this.#giveUp(
          lane,
          new DeadlineError(`${lane.topic}-${lane.partition}: not acknowledged when the producer was closed`),
        );
    this.#search.close();
    this.#wake?.cancel();
    this.#wake = null;
  }

  #isReady(lane: PartitionLane): boolean {
    return (
      this.isFlushing ||
      lane.queue.length > 1 ||
      lane.first!.attempts > 0 ||
      lane.first!.bytes >= this.#settings.batchBytesMax
    );
  }

  /** Gives up batches that have waited too long. True when the lane has nothing left to send. */
  #expire(lane: PartitionLane, now: number): boolean {
    for (
      let batch = lane.first;
      batch !== null && now - batch.createdMs >= this.#settings.deliveryTimeoutMs;
      batch = lane.first
    ) {
      const reason = batch.lastError === null ? "" : `; last: ${batch.lastError.message}`;
      const text = `${lane.topic}-${lane.partition}: not acknowledged within ${this.#settings.deliveryTimeoutMs} ms${reason}`;
      this.#giveUp(lane, new DeadlineError(text, { cause: batch.lastError }));
    }
    return lane.first === null;
  }

  #gone(batch: OutgoingBatch, error: Error | null, baseOffset = -1): void {
    if (error === null) batch.acknowledge(baseOffset);
    else batch.fail(error);
    this.#events.gone(batch);
  }

  #wakeAt(atMs: number): void {
    if (this.#wake !== null && this.#wake.atMs <= atMs) return;
    this.#wake?.cancel();
    const cancel = this.#cluster.clock.timer(Math.max(1, atMs - this.#cluster.clock.now()), () => {
      this.#wake = null;
      this.run();
    });
    this.#wake = { atMs, cancel };
  }

  #isIdentified(lane: PartitionLane): boolean {
    if (!this.#settings.isIdempotent || lane.identity !== null) return true;
    if (this.#identity !== null) {
      lane.identify(this.#identity);
      return true;
    }
    if (!this.#identifying) void this.#identify();
    return false;
  }

  async #identify(): Promise<void> {
    this.#identifying = true;
    try {
      this.#identity = await freshIdentity(this.#cluster);
    } catch (error) {
      for (const lane of this.#lanes.values())
        if (lane.first !== null && lane.identity === null) this.#failed(lane, error as Error);
    } finally {
      this.#identifying = false;
    }
    this.run();
  }

  #hasRoute(lane: PartitionLane): boolean {
    try {
      const route = this.#cluster.routeTo(lane.topic, lane.partition);
      const before = lane.route?.topicId ?? route.topicId;
      // The topic has been deleted and created anew: nothing of what the old one had is there, and no place in a sequence.
      if (before !== route.topicId) this.#dropIdentity(lane);
      lane.route = route;
      lane.isAstray = false;
      return true;
    } catch (error) {
      this.#failed(lane, error as Error);
      return false;
    }
  }

  /** It has failed in the wrong place, and now the right one is known. */
  #isFound({ topic, partition, route, isAstray }: PartitionLane): boolean {
    return isAstray && this.#cluster.hasMoved(topic, partition, route);
  }

  /** Topics of batches that do not know where to go. */
  #missing(): string[] {
    return [...this.#lanes.values()]
      .filter((lane) => lane.first !== null && lane.isAstray && !lane.isInFlight && !this.#isFound(lane))
      .map(({ topic }) => topic);
  }

  #dispatch(broker: number, lanes: readonly PartitionLane[]): void {
    let chosen: PartitionLane[] = [];
    let bytes = 0;
    for (const lane of lanes) {
      if ((this.#requests.get(broker) ?? 0) >= REQUESTS_PER_BROKER_MAX) return; // an answer runs us again
      lane.isInFlight = true;
      chosen.push(lane);
      bytes += lane.first!.bytes;
      if (bytes < REQUEST_BYTES_MAX && lane !== lanes.at(-1)) continue;
      void this.#produce(broker, chosen);
      chosen = [];
      bytes = 0;
    }
  }

  async #produce(broker: number, lanes: readonly PartitionLane[]): Promise<void> {
    this.#requests.set(broker, (this.#requests.get(broker) ?? 0) + 1);
    let response: ProduceResponse | null = null;
    let failure: Error | null = null;
    try {
      response = await this.#request(broker, lanes);
    } catch (error) {
      failure = error as Error;
    } finally {
      this.#requests.set(broker, this.#requests.get(broker)! - 1);
    }
    if (this.#isClosed) return;
    for (const lane of lanes)
      if (failure === null) this.#answered(lane, response);
      else this.#failed(lane, failure);
    this.run();
  }

  async #request(broker: number, lanes: readonly PartitionLane[]): Promise<ProduceResponse | null> {
    const { acks, compression, requestTimeoutMs } = this.#settings;
    const topicData = [...groupedBy(lanes, ({ topic }) => topic)].map(([name, list]) => ({
      name,
      topicId: list[0]!.route!.topicId ?? UUID_ZERO,
      partitionData: list.map((lane) => ({ index: lane.partition, records: lane.encodeFirst(compression) })),
    }));
    const request = { acks, timeoutMs: requestTimeoutMs, topicData };
    const versionMax = versionMaxFor(lanes.map(({ route }) => route!.topicId));
    if (acks !== 0) return this.#cluster.send(broker, ProduceApi, request, { versionMax });
    const connection = await this.#cluster.connectionTo(broker, "main");
    await connection.sendUnanswered(ProduceApi, request, versionMax);
    return null;
  }

  /** `response` is null when nobody answers. */
  #answered(lane: PartitionLane, response: ProduceResponse | null): void {
    if (response === null) return this.#written(lane, -1);
    const part = partOf(response, lane);
    if (part === undefined) return this.#failed(lane, unanswered(lane));
    const { errorCode, baseOffset } = part;
    if (errorCode === ErrorCode.MESSAGE_TOO_LARGE) this.#tooLarge(lane);
    else if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
      this.#written(lane, baseOffset);
    else this.#refused(lane, part, response);
  }

  #written(lane: PartitionLane, baseOffset: number): void {
    lane.isInFlight = false;
    lane.notBeforeMs = 0;
    this.#gone(lane.advance(), null, baseOffset);
  }

  #refused(lane: PartitionLane, { errorCode, errorMessage, currentLeader }: Part, response: ProduceResponse): void {
    const { topic, partition } = lane;
    const { topicId } = lane.route!;
    const { leaderId: leader, leaderEpoch } = currentLeader;
    this.#cluster.learnLeader({ topic, topicId, partition, leader, leaderEpoch, endpoints: response.nodeEndpoints });
    const error = refusal(lane, errorCode, errorMessage);
    if (this.#settings.isIdempotent && doubtsIdentity.has(errorCode)) this.#renew(lane, error);
    else this.#failed(lane, error);
  }

  /** Only the broker knows how large a batch its topic takes: two halves may pass, one record alone is at its end. */
  #tooLarge(lane: PartitionLane): void {
    const { records, bytes } = lane.first!;
    lane.isInFlight = false;
    if (records.length > 1) {
      lane.splitFirst();
      this.#events.split();
      return;
    }
    const text = `one record of about ${bytes} bytes is more than the topic's max.message.bytes allows`;
    this.#giveUp(lane, refusal(lane, ErrorCode.MESSAGE_TOO_LARGE, text));
  }

  #renew(lane: PartitionLane, error: KafkaError): void {
    this.#dropIdentity(lane);
    this.#again(lane, error);
  }

  /** A batch that may have left takes its sequence numbers with it: whether the broker has them is unknown. */
  #giveUp(lane: PartitionLane, error: Error): void {
    if (lane.first!.isSealed) this.#dropIdentity(lane);
    this.#gone(lane.giveUp(), error);
  }

  /**
   * The lane begins anew under an identity it has never used: with one that it has, sequence 0 could be taken for a repeat.
   * Other lanes keep theirs, so the shared one is only replaced for those that come after.
   */
  #dropIdentity(lane: PartitionLane): void {
    if (this.#identity === lane.identity) this.#identity = null;
    lane.dropIdentity();
  }

  #failed(lane: PartitionLane, error: Error): void {
    if (!mayRetry(error)) {
      lane.isInFlight = false;
      this.#giveUp(lane, error);
      return;
    }
    lane.isAstray = saysStaleMetadata(error);
    this.#again(lane, error);
    if (lane.isAstray) this.#search.begin();
  }

  #again(lane: PartitionLane, error: Error): void {
    const batch = lane.first!;
    batch.attempts++;
    batch.lastError = error;
    batch.mayBeWritten ||= !(error instanceof KafkaError && error.isRefused);
    this.#cluster.settings.onTrouble?.(error);
    lane.isInFlight = false;
    const { clock, random, settings } = this.#cluster;
    lane.notBeforeMs = clock.now() + backoffMs(batch.attempts - 1, settings, random);
    this.#wakeAt(lane.notBeforeMs);
  }
}

/** What a broker answered about the first batch, and whether that is certain of all its attempts. */
function refusal({ topic, partition, first }: PartitionLane, code: number, detail: string | null): KafkaError {
  const isRefused = refusesRecords(code) && !first!.mayBeWritten;
  return new KafkaError(code, `${topic}-${partition}`, detail, { isRefused });
}

const unanswered = ({ topic, partition }: PartitionLane): KafkaError =>
  new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, `${topic}-${partition}`, "missing in the answer");

type Part = ProduceResponse["responses"][number]["partitionResponses"][number];

/** Undefined when the answer says nothing of the lane's partition. */
function partOf({ responses }: ProduceResponse, { topic, partition, route }: PartitionLane): Part | undefined {
  const of = responses.find(({ name, topicId }) =>
    topicId === UUID_ZERO ? name === topic : topicId === route!.topicId,
  );
  return of?.partitionResponses.find(({ index }) => index === partition);
}
