import type { ConsumerHistory, ReadRecord } from "@odradek/client/history";
import { must } from "@odradek/kit/simulation";
import { batchesIn, ErrorCode, errorName, FetchApi, ListOffsetsApi, readBatch } from "@odradek/protocol";

import { type History, stampOf } from "./history.ts";
import { SimClient, type SimClientParts } from "./sim-client.ts";

export type ConsumerParts = SimClientParts & {
  partition: number;
  fetchBytesMax: number;
};

const EARLIEST = -2;

/** Reads one partition from its start, and sees every committed record once, in order, and nothing else (S2, S4, S5). */
export class SimConsumer extends SimClient {
  readonly #parts: ConsumerParts;
  readonly #history: History;
  readonly #seen: ConsumerHistory;
  #position = 0;
  /** Of the last record read. */
  #epoch = -1;

  constructor(parts: ConsumerParts) {
    super(parts);
    this.#parts = parts;
    this.#history = parts.histories[parts.partition]!;
    this.#seen = parts.seen.consumer(parts.name);
    this.go(() => this.#live());
  }

  get hasAll(): boolean {
    return this.#position === this.#history.end;
  }

  async #live(): Promise<void> {
    const { random } = this.#parts;
    while (this.clock.alive) {
      const leader = this.leaderOf(this.#parts.partition);
      const isWell = leader !== null && (await this.#fetch(leader));
      if (isWell) continue;
      await this.pause(20 + random.next() * 100);
      await this.refresh();
    }
  }

  async #fetch({ broker, epoch }: { broker: number; epoch: number }): Promise<boolean> {
    const { topic, partition, fetchBytesMax, requestTimeoutMs } = this.#parts;
    const asked = {
      partition,
      currentLeaderEpoch: epoch,
      fetchOffset: this.#position,
      lastFetchedEpoch: this.#epoch,
      partitionMaxBytes: fetchBytesMax,
    };
    const topics = [{ topic, partitions: [asked] }];
    const request = { maxWaitMs: 300, minBytes: 1, maxBytes: fetchBytesMax, topics, forgottenTopicsData: [] };
    let response;
    try {
      const client = await this.connection(broker);
      response = await client.send(FetchApi, 12, request, requestTimeoutMs);
    } catch {
      return false;
    }
    const answer = response.responses[0]?.partitions[0];
    if (response.errorCode !== ErrorCode.NONE || answer === undefined) return false;
    if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return this.#startAgain(broker, epoch);
    const { divergingEpoch } = answer;
    must(
      divergingEpoch.endOffset < 0,
      `${this.name} has read ${topic}-${partition} up to ${this.#position}, and is told that it diverges at ${divergingEpoch.endOffset}`,
    );
    if (answer.errorCode !== ErrorCode.NONE) return false;
    const polled = [answer.records ?? []].flat().flatMap((bytes) => this.#take(bytes));
    this.#seen.polled(this.#history.name, polled);
    return true;
  }

  #take(bytes: Buffer): ReadRecord[] {
    const polled: ReadRecord[] = [];
    for (const batch of batchesIn(bytes)) {
      must(batch.crc === batch.computeCrc(), `${this.name} got a damaged batch at ${batch.baseOffset}`);
      for (const { offset, value } of readBatch(batch)) {
        if (offset < this.#position) continue;
        must(offset === this.#position, `${this.name} read ${offset} right after ${this.#position - 1}`);
        const committed = this.#history.valueAt(offset);
        must(
          committed === String(value),
          `${this.name} read ${value} at ${offset}, where ${committed ?? "nothing"} is committed`,
        );
        this.#position = offset + 1;
        this.#epoch = batch.partitionLeaderEpoch;
        polled.push({ offset, value: stampOf(String(value)).told });
      }
    }
    return polled;
  }

  /** Only what retention has taken is out of range. */
  async #startAgain(broker: number, epoch: number): Promise<boolean> {
    const { topic, partition, requestTimeoutMs } = this.#parts;
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: epoch, timestamp: EARLIEST }];
    try {
      const client = await this.connection(broker);
      const request = { replicaId: -1, topics: [{ name: topic, partitions }] };
      const { topics } = await client.send(ListOffsetsApi, 6, request, requestTimeoutMs);
      const answer = topics[0]?.partitions[0];
      if (answer === undefined || answer.errorCode !== ErrorCode.NONE) return false;
      must(
        answer.offset > this.#position,
        `${this.name} was told that ${this.#position} is out of range, and the log starts at ${answer.offset}: ${errorName(answer.errorCode)}`,
      );
      this.#position = answer.offset;
      this.#epoch = -1;
      this.#seen.sought(this.#history.name, answer.offset);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "Violation") throw error;
      return false;
    }
  }
}
