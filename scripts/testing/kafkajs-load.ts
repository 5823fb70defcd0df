import { setTimeout as elapsed } from "node:timers/promises";
import { type Admin, type Consumer, Kafka, logLevel, type Producer } from "kafkajs";
import type { Acked } from "./stranger.ts";

/** kafkajs as a user runs it: an idempotent producer, and a consumer group of three whose commits are watched. */
export class KafkajsLoad {
  readonly acked: Acked[] = [];
  /** Values by "partition@offset" as the group saw them; a rebalance may show one again, but never another value. */
  readonly consumed = new Map<string, number>();
  readonly problems: string[] = [];
  readonly #topic: string;
  readonly #group: string;
  readonly #producer: Producer;
  readonly #consumers: Consumer[];
  readonly #admin: Admin;
  #running = true;
  #loops: Promise<void>[] = [];
  readonly #committed = new Map<number, number>();

  constructor(options: { bootstrap: string; topic: string; group: string }) {
    this.#topic = options.topic;
    this.#group = options.group;
    const kafka = new Kafka({
      brokers: options.bootstrap.split(","),
      clientId: "fault-test",
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, maxRetryTime: 2_000 },
    });
    this.#producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    this.#consumers = [1, 2, 3].map(() =>
      kafka.consumer({ groupId: options.group, sessionTimeout: 10_000, heartbeatInterval: 1_000 }),
    );
    this.#admin = kafka.admin();
  }

  async start(): Promise<void> {
    await Promise.all([
      this.#producer.connect(),
      this.#admin.connect(),
      ...this.#consumers.map((one) => one.connect()),
    ]);
    for (const consumer of this.#consumers) {
      await consumer.subscribe({ topic: this.#topic, fromBeginning: true });
      await consumer.run({
        autoCommitInterval: 500,
        eachMessage: async ({ partition, message }) =>
          this.#seen(partition, Number(message.offset), Number(message.value!.toString())),
      });
    }
    this.#loops = [this.#produce(), this.#watchCommits()];
  }

  /** Stops sending, then waits until the group has seen every acknowledged record, or `timeoutMs` has passed. */
  async stop(timeoutMs: number): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
    const deadlineMs = Date.now() + timeoutMs;
    while (this.missing.length > 0 && Date.now() < deadlineMs) await elapsed(100);
    for (const record of this.missing.slice(0, 5))
      this.problems.push(`the group never saw ${record.number} at ${record.partition}@${record.offset}`);
    await Promise.allSettled([
      this.#producer.disconnect(),
      this.#admin.disconnect(),
      ...this.#consumers.map((one) => one.disconnect()),
    ]);
  }

  get missing(): Acked[] {
    return this.acked.filter((record) => this.consumed.get(`${record.partition}@${record.offset}`) !== record.number);
  }

  #seen(partition: number, offset: number, number: number): void {
    const place = `${partition}@${offset}`;
    const before = this.consumed.get(place);
    if (before !== undefined && before !== number) this.problems.push(`${place} was ${before} and is now ${number}`);
    this.consumed.set(place, number);
  }

  async #produce(): Promise<void> {
    for (let number = 0; this.#running; number++) {
      const key = `key-${number % 20}`;
      try {
        const [sent] = await this.#producer.send({
          topic: this.#topic,
          acks: -1,
          messages: [{ key, value: String(number) }],
        });
        this.acked.push({
          atMs: Date.now(),
          key,
          number,
          partition: sent!.partition,
          offset: Number(sent!.baseOffset),
        });
      } catch {
        // Not acknowledged: it may be stored or not, and nothing is asked of it.
      }
      await elapsed(10);
    }
  }

  async #watchCommits(): Promise<void> {
    while (this.#running) {
      const answer = await this.#admin.fetchOffsets({ groupId: this.#group, topics: [this.#topic] }).catch(() => []);
      for (const { partition, offset } of answer[0]?.partitions ?? []) {
        const before = this.#committed.get(partition) ?? -1;
        if (Number(offset) < before)
          this.problems.push(`committed offset of ${partition} went back from ${before} to ${offset}`);
        this.#committed.set(partition, Math.max(before, Number(offset)));
      }
      await elapsed(300);
    }
  }
}
