import {
  createAdmin,
  createConsumer,
  createProducer,
  KafkaError,
  type ConsumedBatch,
  type Consumer,
  type Producer,
} from "@odradek/client";
import { History, type ProducerHistory, type Verdict } from "@odradek/client/history";
import { endsOf, tellLogs, type ReadTopic } from "./final-log.ts";
import { payloadOf, readRecords } from "./payload.ts";
import { Silence } from "./silence.ts";
import { TroubleList, type Troubles } from "./troubles.ts";

/** As many as make leaders of every broker. */
const partitionCount = 12;
const producerCount = 2;
const memberCount = 2;
/** Each producer sends a record to each partition so often: a gap is known to half of it. */
const tickMs = 40;
/** What may wait for its acknowledgement, per producer and partition; then nothing is added. */
const waitingMax = 1_000;
/** The history remembers every record, 600 a second: so long it has room, and to spare. */
export const workloadMsMax = 6 * 3_600_000;
const pollMs = 200;
const endMs = 60_000;
const closeMs = 5_000;

/** What clients saw and what went wrong for them. */
export type WorkloadOutcome = Verdict & {
  readonly sendErrors: Troubles;
  readonly pollErrors: Troubles;
  /** Consumers had read everything when the verdict was made. */
  readonly isReadToEnd: boolean;
};

/** Producers, a consumer of its own and a group at work on one topic, and the history of what they saw. */
export class Workload {
  readonly topic: string;
  readonly acknowledged: Silence;
  readonly polled: Silence;
  readonly #bootstrap: string;
  readonly #group: string;
  readonly #history = new History();
  readonly #partitions: readonly string[];
  readonly #producers: Producer[] = [];
  readonly #work: Promise<void>[] = [];
  readonly #sendErrors = new TroubleList();
  readonly #pollErrors = new TroubleList();
  /** By partition, the offset behind what the lone consumer has polled, and behind what any member of the group has. */
  readonly #positions: number[];
  readonly #groupPositions: number[];
  #isSending = true;
  #isReading = true;

  constructor(bootstrap: string, topic: string) {
    this.topic = topic;
    this.#bootstrap = bootstrap;
    this.#group = `${topic}-group`;
    this.#partitions = Array.from({ length: partitionCount }, (_, partition) => `${topic}-${partition}`);
    this.#positions = this.#partitions.map(() => 0);
    this.#groupPositions = this.#partitions.map(() => 0);
    this.acknowledged = new Silence(this.#partitions);
    this.polled = new Silence(this.#partitions);
  }

  /** Makes the topic and begins. */
  async start(replicationFactor: number): Promise<void> {
    await using admin = createAdmin({ bootstrap: this.#bootstrap });
    await admin.createTopics([{ name: this.topic, partitionCount, replicationFactor }]);
    for (let at = 1; at <= producerCount; at++) this.#work.push(this.#produce(`producer ${at}`));
    this.#work.push(this.#read());
    for (let at = 1; at <= memberCount; at++) this.#work.push(this.#readInGroup(`member ${at}`));
  }

  /** Ends the producers, lets the consumers come to the end, reads the log once more as a whole, and judges. */
  async finish(): Promise<WorkloadOutcome> {
    this.#isSending = false;
    await Promise.all(this.#producers.map((producer) => producer.close()));
    const topic: ReadTopic = { bootstrap: this.#bootstrap, topic: this.topic, names: this.#partitions };
    const isReadToEnd = await this.#readTo(await endsOf(topic));
    this.#isReading = false;
    await Promise.all(this.#work);
    // Asked anew: what was given up may have been written, and polled, since.
    await tellLogs(this.#history, topic, await endsOf(topic));
    const verdict = this.#history.judge({ isReadToEnd });
    return { ...verdict, isReadToEnd, sendErrors: this.#sendErrors, pollErrors: this.#pollErrors };
  }

  /** That reached an application although its client had tried again. */
  get errors(): number {
    return this.#sendErrors.count + this.#pollErrors.count;
  }

  /** Soon, whether or not it has finished. */
  async close(): Promise<void> {
    this.#isSending = false;
    this.#isReading = false;
    const closed = Promise.all([...this.#producers.map((producer) => producer.close()), ...this.#work]);
    await Promise.race([closed, wait(closeMs)]);
  }

  /** Takes away what it made. */
  async remove(): Promise<void> {
    await using admin = createAdmin({ bootstrap: this.#bootstrap });
    await admin.deleteTopics([this.topic]);
    await admin.deleteGroups([this.#group]);
  }

  async #produce(name: string): Promise<void> {
    const told = this.#history.producer(name);
    const producer = createProducer({ bootstrap: this.#bootstrap, clientId: name });
    this.#producers.push(producer);
    const waiting = this.#partitions.map(() => 0);
    while (this.#isSending) {
      for (let partition = 0; partition < partitionCount; partition++) {
        if (waiting[partition]! >= waitingMax) continue;
        waiting[partition]!++;
        void this.#send(producer, told, partition).finally(() => waiting[partition]!--);
      }
      await wait(tickMs);
    }
  }

  async #send(producer: Producer, told: ProducerHistory, partition: number): Promise<void> {
    const name = this.#partitions[partition]!;
    const value = told.send(name);
    try {
      const [place] = await producer.send({
        topic: this.topic,
        messages: [{ partition, value: payloadOf(partition, value) }],
      });
      told.acknowledged(name, value, place!.offset);
      this.acknowledged.hear(name, performance.now());
    } catch (error) {
      this.#sendErrors.add(error);
      // Any other failure says nothing about whether it was written.
      if (error instanceof KafkaError && error.isRefused) told.failed(name, value);
    }
  }

  /** The consumer of its own: after a failure it goes on where it was, and is held to that. */
  async #read(): Promise<void> {
    const told = this.#history.consumer("consumer");
    while (this.#isReading) {
      await using consumer = createConsumer({ bootstrap: this.#bootstrap, clientId: "consumer", maxWaitMs: pollMs });
      consumer.assign(this.#positions.map((offset, partition) => ({ topic: this.topic, partition, offset })));
      for (const [partition, offset] of this.#positions.entries()) told.sought(this.#partitions[partition]!, offset);
      await this.#poll(consumer, (batch) => {
        this.#positions[batch.partition] = batch.nextOffset;
        this.polled.hear(this.#partitions[batch.partition]!, performance.now());
        told.polled(this.#partitions[batch.partition]!, readRecords(batch));
      });
    }
  }

  async #readInGroup(name: string): Promise<void> {
    const told = this.#history.consumer(name, this.#group, { groupFrom: 0 });
    while (this.#isReading) {
      await using consumer = createConsumer({
        ...{ bootstrap: this.#bootstrap, clientId: name, groupId: this.#group, maxWaitMs: pollMs },
        ...{ autoOffsetReset: "earliest", autoCommitIntervalMs: 1_000 },
      });
      consumer.subscribe([this.topic]);
      await this.#poll(consumer, (batch) => {
        const { partition, nextOffset } = batch;
        this.#groupPositions[partition] = Math.max(this.#groupPositions[partition]!, nextOffset);
        told.assigned(); // a rebalance may have taken it back to what the group had committed
        told.polled(this.#partitions[partition]!, readRecords(batch));
      });
    }
  }

  /** Until the end or a failure. */
  async #poll(consumer: Consumer, take: (batch: ConsumedBatch) => void): Promise<void> {
    try {
      while (this.#isReading) {
        const batch = await consumer.next({ timeoutMs: pollMs });
        if (batch !== null) take(batch);
      }
    } catch (error) {
      this.#pollErrors.add(error);
      await wait(pollMs);
    }
  }

  /** Returns whether the consumer and the group came so far. */
  async #readTo(ends: readonly number[]): Promise<boolean> {
    const deadlineMs = performance.now() + endMs;
    const isThere = (): boolean =>
      [this.#positions, this.#groupPositions].every((positions) =>
        ends.every((end, partition) => positions[partition]! >= end),
      );
    while (!isThere() && performance.now() < deadlineMs) await wait(pollMs);
    return isThere();
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
