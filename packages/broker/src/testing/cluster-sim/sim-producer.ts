import { integerBelow } from "@odradek/kit";
import { isBug, must } from "@odradek/kit/simulation";
import type { ProducerHistory } from "@odradek/client/history";
import { buildBatch, ErrorCode, errorName, InitProducerIdApi, ProduceApi } from "@odradek/protocol";

import type { History } from "./history.ts";
import { Lane, type SentBatch } from "./lane.ts";
import { SimClient, type SimClientParts } from "./sim-client.ts";
import { draftOf } from "./sim-record.ts";
import { stampOf } from "./stamp.ts";

export type ProducerParts = SimClientParts & {
  /** Numbers its batches, and sends them again until they are acknowledged. */
  isIdempotent: boolean;
  acks: -1 | 1;
  /** Mean time between two batches. */
  everyMs: number;
  batchRecordsMax: number;
  valueBytesMax: number;
  /** How many keys its records have; 0: none has one. */
  keys: number;
};

/** Of each producer, by a broker. */
const BATCHES_REMEMBERED = 5;

type Outcome = "acknowledged" | "refused" | "unknown" | "again";

/** Nothing was appended, and what was refused is not tried again. */
const refusals: ReadonlySet<number> = new Set([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.INVALID_TIMESTAMP]);

/** An idempotent producer's first unacknowledged batch never gets one of these: all that was before it was acknowledged. */
const broken: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]);

/** Sends records all the time, several batches of a partition under way at once. A plain one tries each batch once. */
export class SimProducer extends SimClient {
  readonly #parts: ProducerParts;
  readonly #lanes: Lane[];
  readonly #seen: ProducerHistory;
  #producerId = -1;
  #isResting = false;

  constructor(parts: ProducerParts) {
    super(parts);
    this.#parts = parts;
    const { seen, isIdempotent } = parts;
    this.#seen = seen.producer(parts.name, { isIdempotent });
    // Compaction keeps only the last batch of a producer (L-19).
    const batchesMax = parts.keys > 0 ? 1 : BATCHES_REMEMBERED;
    this.#lanes = parts.histories.map(
      ({ name }, partition) => new Lane(parts.name, partition, batchesMax, () => this.#seen.send(name)),
    );
    this.go(() => this.#live());
  }

  /** Batches acknowledged. */
  get acknowledged(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  }

  /** No new records from now on; those under way are seen through. */
  rest(): void {
    this.#isResting = true;
  }

  get isIdle(): boolean {
    return this.#lanes.every((lane) => lane.batches.length === 0);
  }

  async #live(): Promise<void> {
    const { random, everyMs, isIdempotent } = this.#parts;
    if (isIdempotent) while (this.#producerId < 0) await this.#identify();
    while (this.clock.alive) {
      await this.pause(random.next() * 2 * everyMs);
      const lane = this.#lanes[integerBelow(random, this.#lanes.length)]!;
      if (!this.#isResting && !lane.isFull) this.#draw(lane);
      for (const each of this.#lanes) if (each.isReady(this.clock.now())) await this.#send(each);
    }
  }

  #draw(lane: Lane): void {
    const { random, batchRecordsMax, valueBytesMax } = this.#parts;
    const pads = Array.from({ length: 1 + integerBelow(random, batchRecordsMax) }, () =>
      integerBelow(random, valueBytesMax),
    );
    lane.add(pads.map((bytes) => "x".repeat(bytes)));
  }

  async #identify(): Promise<void> {
    const { random, brokers, requestTimeoutMs } = this.#parts;
    await this.pause(random.next() * 200);
    try {
      const client = await this.connection(brokers[integerBelow(random, brokers.length)]!);
      const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
      const { errorCode, producerId } = await client.send(InitProducerIdApi, 4, request, requestTimeoutMs);
      if (errorCode === ErrorCode.NONE) this.#producerId = producerId;
    } catch (error) {
      if (isBug(error)) throw error;
      // Tried again.
    }
  }

  /** All batches of the lane that are not under way, in their order, on one connection. */
  async #send(lane: Lane): Promise<void> {
    const leader = this.leaderOf(lane.partition);
    if (leader === null) {
      await this.refresh();
      return;
    }
    let client;
    try {
      client = await this.connection(leader.broker);
    } catch (error) {
      if (isBug(error)) throw error;
      return this.refresh();
    }
    if (!lane.isReady(this.clock.now())) return;
    for (const batch of lane.waiting()) {
      batch.isUnderWay = true;
      batch.attempts++;
      const records = this.#encode(batch);
      const { topic, requestTimeoutMs, acks } = this.#parts;
      const topicData = [{ name: topic, partitionData: [{ index: lane.partition, records }] }];
      const request = { acks, timeoutMs: requestTimeoutMs, topicData };
      client.send(ProduceApi, 9, request, requestTimeoutMs * 1.5).then(
        ({ responses }) => this.#answered(lane, batch, responses[0]!.partitionResponses[0]!),
        (error: unknown) => {
          if (isBug(error)) this.#parts.failed(error);
          this.#done(lane, batch, "unknown");
        },
      );
    }
  }

  #encode({ values, baseSequence }: SentBatch): Buffer {
    const { keys, isIdempotent } = this.#parts;
    return buildBatch({
      records: values.map((value) => draftOf(value, keys)),
      timestamp: this.clock.wallMs(),
      ...(isIdempotent && { producer: { id: this.#producerId, epoch: 0, baseSequence } }),
    });
  }

  #answered(lane: Lane, batch: SentBatch, { errorCode, baseOffset }: { errorCode: number; baseOffset: number }): void {
    const { histories, acks, failed } = this.#parts;
    const history = histories[lane.partition]!;
    try {
      if (errorCode === ErrorCode.NONE) {
        if (acks === -1) this.#acknowledge(history, batch, baseOffset);
        return this.#done(lane, batch, "acknowledged");
      }
      must(
        !this.#parts.isIdempotent || !lane.isFirst(batch) || !broken.has(errorCode),
        `${this.name}: batch ${batch.baseSequence} follows what was acknowledged in partition ${lane.partition}, and gets ${errorName(errorCode)}`,
      );
      if (this.#parts.isIdempotent) return this.#done(lane, batch, "again");
      if (refusals.has(errorCode)) this.#refuse(history, batch);
      this.#done(lane, batch, refusals.has(errorCode) ? "refused" : "unknown");
    } catch (error) {
      failed(error);
    }
  }

  #acknowledge(history: History, { values }: SentBatch, baseOffset: number): void {
    for (const [at, value] of values.entries()) {
      history.acknowledge(value, baseOffset + at);
      this.#seen.acknowledged(history.name, stampOf(value).told, baseOffset + at);
    }
  }

  #refuse(history: History, { values }: SentBatch): void {
    for (const value of values) {
      history.refused(value);
      this.#seen.failed(history.name, stampOf(value).told);
    }
  }

  #done(lane: Lane, batch: SentBatch, outcome: Outcome): void {
    batch.isUnderWay = false;
    if (outcome === "acknowledged") lane.acknowledged++;
    if (outcome === "acknowledged" || !this.#parts.isIdempotent) lane.remove(batch);
    if (outcome === "acknowledged") return;
    lane.notBeforeMs = this.clock.now() + 20 + this.#parts.random.next() * 200;
    void this.refresh();
  }
}
