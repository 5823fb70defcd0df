import { integerBelow } from "@odradek/kit";
import { isBug, must } from "@odradek/kit/simulation";
import {
  type AnyApi,
  batchesIn,
  buildBatch,
  CreatePartitionsApi,
  CreateTopicsApi,
  DeleteTopicsApi,
  ErrorCode,
  FetchApi,
  MetadataApi,
  ProduceApi,
  readBatch,
  type RequestDraft,
  type ResponseOf,
} from "@odradek/protocol";

import { SimClient, type SimClientParts } from "./sim-client.ts";

const RECORDS_MAX = 6;
const PARTITIONS_MAX = 3;

type Acknowledged = { partition: number; offset: number; value: string };

/** Creates a topic, writes to it, gives it more partitions, reads it and deletes it, again and again under one name (P-23, P-26): no life of the topic shows anything of another one. */
export class TopicTurner extends SimClient {
  readonly #parts: SimClientParts & { replicas: number };
  /** Ids of earlier lives. */
  readonly #gone = new Set<string>();
  #topicId: string | null = null;
  #partitions = 1;
  #acknowledged: Acknowledged[] = [];
  /** The last answer, for whoever wonders why nothing goes on. */
  heard = "";
  /** Lives that were seen through to their end. */
  lives = 0;

  constructor(parts: SimClientParts & { replicas: number }) {
    super(parts);
    this.#parts = parts;
    this.go(() => this.#live());
  }

  async #live(): Promise<void> {
    const { random } = this.#parts;
    while (this.clock.alive) {
      await this.#create();
      for (let left = 1 + integerBelow(random, RECORDS_MAX); left > 0; left--) {
        await this.#write(integerBelow(random, this.#partitions));
        if (random.next() < 0.2) await this.#grow();
      }
      for (const acknowledged of this.#acknowledged) await this.#read(acknowledged);
      await this.#delete();
      this.lives++;
      if (random.next() < 0.5) await this.pause(random.next() * 500);
    }
  }

  protected override isMine(topicId: string): boolean {
    return topicId === this.#topicId;
  }

  async #create(): Promise<void> {
    const { topic, replicas } = this.#parts;
    const spec = { name: topic, numPartitions: 1, replicationFactor: replicas, assignments: [], configs: [] };
    this.#partitions = 1;
    this.#acknowledged = [];
    for (this.#topicId = null; this.#topicId === null;) {
      await this.pause(this.#parts.random.next() * 100);
      await this.#ask(CreateTopicsApi, 7, { topics: [spec], timeoutMs: 1_000 });
      const answer = await this.#ask(MetadataApi, 12, { topics: [{ name: topic }], allowAutoTopicCreation: false });
      const found = answer?.topics[0];
      if (found?.errorCode !== ErrorCode.NONE) continue;
      // A broker that had not heard of it yet may have said that it was gone.
      if (this.#gone.has(found.topicId)) await this.#askToDelete(found.topicId);
      else this.#topicId = found.topicId;
    }
  }

  async #write(partition: number): Promise<void> {
    const { random } = this.#parts;
    const value = `${this.#topicId!}:${this.#acknowledged.length}:${random.next()}`;
    const records = buildBatch({ records: [{ key: null, value: Buffer.from(value) }], timestamp: this.clock.wallMs() });
    const partitionData = [{ index: partition, records }];
    const request = { acks: -1, timeoutMs: 1_000, topicData: [{ topicId: this.#topicId!, partitionData }] };
    const answer = await this.#askLeader(partition, ProduceApi, 13, () => request);
    const written = answer?.responses[0]?.partitionResponses[0];
    if (written?.errorCode === ErrorCode.NONE)
      this.#acknowledged.push({ partition, offset: written.baseOffset, value });
  }

  async #grow(): Promise<void> {
    if (this.#partitions === PARTITIONS_MAX) return;
    const topics = [{ name: this.#parts.topic, count: this.#partitions + 1, assignments: null }];
    const answer = await this.#ask(CreatePartitionsApi, 3, { topics, timeoutMs: 1_000, validateOnly: false });
    const error = answer?.results[0]?.errorCode;
    if (error === ErrorCode.NONE || error === ErrorCode.INVALID_PARTITIONS) this.#partitions++;
  }

  /** An acknowledged record stands where it was said to, as long as the topic lives, and none of another life before it. */
  async #read({ partition, offset, value }: Acknowledged): Promise<void> {
    const where = `${this.#parts.topic}-${partition}`;
    for (let position = 0; position <= offset;) {
      const asked = { partition, fetchOffset: position, partitionMaxBytes: 10_000 };
      const request = { maxWaitMs: 100, minBytes: 1, topics: [{ topicId: this.#topicId!, partitions: [asked] }] };
      const answer = await this.#askLeader(partition, FetchApi, 13, () => request);
      const found = answer?.responses[0]?.partitions[0];
      must(
        found?.errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE,
        `${value} was acknowledged as ${where}/${offset}, and ${position} is out of range`,
      );
      const records = [found?.records ?? []].flat().flatMap((bytes) => [...batchesIn(bytes)].flatMap(readBatch));
      for (const record of records) {
        const isOurs = String(record.value).startsWith(`${this.#topicId}:`);
        must(isOurs, `${record.value} of another life of the topic stands at ${where}/${record.offset}`);
        const isRight = record.offset !== offset || String(record.value) === value;
        must(isRight, `${where}/${offset} is ${record.value}, where ${value} was acknowledged`);
        position = record.offset + 1;
      }
      if (records.length === 0) await this.pause(50);
    }
  }

  async #delete(): Promise<void> {
    const topicId = this.#topicId!;
    for (;;) {
      const error = await this.#askToDelete(topicId);
      if (error === ErrorCode.NONE || error === ErrorCode.UNKNOWN_TOPIC_ID) break;
      await this.pause(50);
    }
    this.#gone.add(topicId);
    this.forget();
  }

  async #askToDelete(topicId: string): Promise<number | undefined> {
    const answer = await this.#ask(DeleteTopicsApi, 6, { topics: [{ name: null, topicId }], timeoutMs: 1_000 });
    return answer?.responses[0]?.errorCode;
  }

  async #askLeader<A extends AnyApi>(
    partition: number,
    api: A,
    version: number,
    request: () => RequestDraft<A>,
  ): Promise<ResponseOf<A> | null> {
    await this.refresh();
    const leader = this.leaderOf(partition);
    if (leader !== null) return this.#ask(api, version, request(), leader.broker);
    await this.pause(50);
    return null;
  }

  async #ask<A extends AnyApi>(
    api: A,
    version: number,
    request: RequestDraft<A>,
    broker?: number,
  ): Promise<ResponseOf<A> | null> {
    const { random, brokers, requestTimeoutMs } = this.#parts;
    try {
      const client = await this.connection(broker ?? brokers[integerBelow(random, brokers.length)]!);
      const answer = await client.send(api, version, request, requestTimeoutMs * 2);
      this.heard = `${api.name}: ${JSON.stringify(answer)}`;
      return answer;
    } catch (error) {
      if (isBug(error)) throw error;
      this.heard = `${api.name}: ${String(error)}`;
      return null;
    }
  }
}
