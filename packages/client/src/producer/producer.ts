import { Cluster } from "../cluster/cluster.ts";
import type { TopicMetadata } from "../cluster/metadata.ts";
import { within } from "../cluster/retry.ts";
import { ErrorCode, type RecordDraft, recordBytesMax } from "@odradek/protocol";
import { ConnectError, DeadlineError, KafkaError } from "../errors.ts";
import type { OutgoingBatch } from "./batch.ts";
import { PartitionLane } from "./lane.ts";
import { type Message, type RecordPlace, recordOf } from "./message.ts";
import { type ProducerOptions, producerSettings, type ProducerSettings } from "./options.ts";
import { Partitioner } from "./partitioner.ts";
import { Sender } from "./sender.ts";

type Placed = { readonly batch: OutgoingBatch; readonly index: number };

/** Sends records; see README. Safe to use from many places at once. */
export class Producer implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #partitioner: Partitioner;
  readonly #lanes = new Map<string, PartitionLane>();
  readonly #sender: Sender;
  /** By topic, the last call of `send` that is queueing: the next one waits for it, or their records would change places. */
  readonly #entries = new Map<string, Promise<Placed[]>>();
  #bufferedBytes = 0;
  #batches = 0;
  /** Calls of `send` whose records are not all queued yet. */
  #entering = 0;
  #isScheduled = false;
  #isClosed = false;
  /** Nothing more is sent. */
  #isOver = false;
  #closing: Promise<void> | null = null;
  /** Run when a batch has left: those who wait for room, or for everything to leave. */
  #waiters: (() => void)[] = [];

  constructor(options: ProducerOptions) {
    this.#settings = producerSettings(options);
    this.#cluster = new Cluster(options);
    this.#partitioner = new Partitioner(this.#cluster.random);
    this.#sender = new Sender(this.#cluster, this.#settings, this.#lanes, {
      gone: (batch) => this.#gone(batch),
      split: () => this.#batches++,
    });
  }

  /** Resolves, in the messages' order, once all are acknowledged; rejects with the first failure, of a batch or of the topic. */
  async send({
    topic: name,
    messages,
  }: {
    readonly topic: string;
    readonly messages: readonly Message[];
  }): Promise<RecordPlace[]> {
    if (messages.length === 0) return [];
    if (this.#isClosed) throw new ConnectError("closed", name, "this producer is closed");
    const placed = await this.#enqueueAll(name, messages);
    const places: RecordPlace[] = [];
    for (const { batch, index } of placed)
      places.push({ topic: name, partition: batch.partition, offset: await batch.offsetOf(index) });
    return places;
  }

  /** Resolves when everything sent so far has been acknowledged or given up. */
  async flush(): Promise<void> {
    this.#sender.isFlushing = true;
    this.#schedule();
    while (this.#batches > 0 || this.#entering > 0) await this.#change();
    this.#sender.isFlushing = false;
  }

  /** Flushes and closes. What is not acknowledged within `timeoutMs` is given up; see README for how long it takes without. */
  close({ timeoutMs = Infinity }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    await within(this.#cluster.clock, timeoutMs, this.flush());
    this.#isOver = true;
    this.#sender.close();
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #enqueueAll(name: string, messages: readonly Message[]): Promise<Placed[]> {
    this.#entering++;
    const entry = this.#enterAfter(this.#entries.get(name), name, messages, this.#cluster.deadline());
    this.#entries.set(name, entry);
    try {
      return await entry;
    } finally {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
      this.#entering--;
      this.#changed();
    }
  }

  /** The topic has to be known by `deadlineMs`, however many calls wait in front of this one. */
  async #enterAfter(
    before: Promise<unknown> | undefined,
    name: string,
    messages: readonly Message[],
    deadlineMs: number,
  ): Promise<Placed[]> {
    const failure: unknown = await before?.then(
      () => null,
      (error: unknown) => error,
    );
    // That call has asked the same for as long as this one may.
    if (failure instanceof DeadlineError && this.#cluster.clock.now() >= deadlineMs) throw failure;
    const topic = await this.#cluster.retried(`topic ${name}`, () => this.#cluster.topic(name, true), { deadlineMs });
    const nowMs = this.#cluster.clock.wallMs();
    // All or none: what can't be sent is refused before anything is queued.
    const records = messages.map((message) => recordOf(message, nowMs));
    const placed: Placed[] = [];
    for (const [at, message] of messages.entries()) {
      while (this.#bufferedBytes >= this.#settings.bufferBytesMax) await this.#change();
      if (this.#isOver) throw new ConnectError("closed", name, "this producer is closed");
      placed.push(this.#enqueue(topic, message, records[at]!));
    }
    return placed;
  }

  #enqueue(topic: TopicMetadata, message: Message, record: RecordDraft): Placed {
    const partition = message.partition ?? this.#partitioner.partition(topic, record.key ?? null);
    if (partition < 0 || partition >= topic.partitions.length) {
      throw new KafkaError(
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        `${topic.name}-${partition}`,
        `it has ${topic.partitions.length} partitions`,
      );
    }
    const lane = this.#lane(topic.name, partition);
    const now = this.#cluster.clock.now();
    let batch = lane.open(now);
    let index = batch.add(record, this.#settings.batchBytesMax);
    if (index < 0) {
      this.#partitioner.batchLeft(topic.name, partition);
      batch = lane.append(now);
      index = batch.add(record, this.#settings.batchBytesMax);
    }
    if (index === 0) this.#batches++;
    this.#bufferedBytes += recordBytesMax(record);
    this.#schedule();
    return { batch, index };
  }

  #lane(topic: string, partition: number): PartitionLane {
    const key = `${topic}/${partition}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, (lane = new PartitionLane(topic, partition)));
    return lane;
  }

  /** Once per tick, so that what is sent in one tick goes into one batch even without linger. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#cluster.clock.afterTick(() => {
      this.#isScheduled = false;
      this.#sender.run();
    });
  }

  #gone(batch: OutgoingBatch): void {
    this.#batches--;
    for (const record of batch.records) this.#bufferedBytes -= recordBytesMax(record);
    this.#partitioner.batchLeft(batch.topic, batch.partition);
    this.#changed();
  }

  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
