import type { ConsumerHistory, ReadRecord } from "@odradek/client/history";
import { isBug, must } from "@odradek/kit/simulation";
import { batchesIn, ErrorCode, errorName, FetchApi, ListOffsetsApi, readBatch } from "@odradek/protocol";

import type { History } from "./history.ts";
import { type Leader, SimClient, type SimClientParts } from "./sim-client.ts";
import { recordOf, type SimRecord } from "./sim-record.ts";
import { stampOf } from "./stamp.ts";
import { Table } from "./table.ts";

export type ConsumerParts = SimClientParts & {
  partition: number;
  fetchBytesMax: number;
  /** "": it stands in none. */
  rackId: string;
  /** Mean time after which it begins again; null: it does not. */
  rereadMs: number | null;
};

const EARLIEST = -2;

/**
 * Reads one partition from its start, and sees every committed record once, in order, and nothing else (S2, S4, S5); where logs are compacted, all
 * that may not be gone, and in the end what stands for each key.
 */
export class SimConsumer extends SimClient {
  readonly #parts: ConsumerParts;
  readonly #history: History;
  readonly #seen: ConsumerHistory;
  #position = 0;
  /** The replica in its rack that the leader has named (KIP-392). */
  #nearest: number | null = null;
  /** Of the last record read. */
  #epoch = -1;
  readonly #table: Table;
  #rereadAtMs: number;
  #isResting = false;
  /** Read, and not yet told. */
  #polled: ReadRecord[] = [];

  constructor(parts: ConsumerParts) {
    super(parts);
    this.#parts = parts;
    this.#history = parts.histories[parts.partition]!;
    this.#seen = parts.seen.consumer(parts.name);
    this.#table = new Table(this.#history.survivors);
    this.#rereadAtMs = this.#nextRereadMs();
    this.go(() => this.#live());
  }

  /** It has read to the end, and is not going to begin again. */
  get hasAll(): boolean {
    const mustReread = this.#isResting && this.#rereadAtMs < Infinity;
    return !mustReread && this.#position === this.#history.end;
  }

  /** Once more from the start where it does so at all, and then never again. */
  rest(): void {
    this.#rereadAtMs = this.#rereadAtMs === Infinity ? Infinity : this.clock.now();
    this.#isResting = true;
  }

  /** What it has for each key is what stands for it in the end. */
  judge(): void {
    this.#table.judge(this.name);
  }

  async #live(): Promise<void> {
    const { random } = this.#parts;
    while (this.clock.alive) {
      if (this.clock.now() >= this.#rereadAtMs) this.#reread();
      const leader = this.leaderOf(this.#parts.partition);
      const isWell = leader !== null && (await this.#fetch(leader));
      if (isWell) continue;
      this.#nearest = null;
      await this.pause(20 + random.next() * 100);
      await this.refresh();
    }
  }

  async #fetch(leader: Leader): Promise<boolean> {
    const { topic, partition, fetchBytesMax, requestTimeoutMs, rackId } = this.#parts;
    const { epoch } = leader;
    const isFollower = this.#nearest !== null;
    const broker = this.#nearest ?? leader.broker;
    const asked = {
      partition,
      currentLeaderEpoch: epoch,
      fetchOffset: this.#position,
      lastFetchedEpoch: this.#epoch,
      partitionMaxBytes: fetchBytesMax,
    };
    const topics = [{ topic, partitions: [asked] }];
    const request = { maxWaitMs: 300, minBytes: 1, maxBytes: fetchBytesMax, topics, forgottenTopicsData: [], rackId };
    let response;
    try {
      const client = await this.connection(broker);
      response = await client.send(FetchApi, 12, request, requestTimeoutMs);
    } catch (error) {
      if (isBug(error)) throw error;
      return false;
    }
    const answer = response.responses[0]?.partitions[0];
    if (response.errorCode !== ErrorCode.NONE || answer === undefined) return false;
    const { divergingEpoch, preferredReadReplica } = answer;
    // A follower may lag behind what was read, or have what its leader is going to cut off: then the leader is asked again.
    if (isFollower && (answer.errorCode !== ErrorCode.NONE || divergingEpoch.endOffset >= 0)) return false;
    if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return this.#startAgain(broker, epoch);
    if (preferredReadReplica >= 0) this.#nearest = preferredReadReplica;
    must(
      divergingEpoch.endOffset < 0,
      `${this.name} has read ${topic}-${partition} up to ${this.#position}, and is told that it diverges at ${divergingEpoch.endOffset}`,
    );
    if (answer.errorCode !== ErrorCode.NONE) return false;
    for (const bytes of [answer.records ?? []].flat()) this.#take(bytes);
    this.#tell();
    return true;
  }

  #take(bytes: Buffer): void {
    for (const batch of batchesIn(bytes)) {
      must(batch.crc === batch.computeCrc(), `${this.name} got a damaged batch at ${batch.baseOffset}`);
      for (const record of readBatch(batch)) if (record.offset >= this.#position) this.#read(recordOf(record));
      this.#skip(batch.nextOffset);
      this.#epoch = batch.partitionLeaderEpoch;
    }
  }

  #read(record: SimRecord): void {
    const { offset, value } = record;
    this.#skip(offset);
    const committed = this.#history.valueAt(offset);
    must(committed === value, `${this.name} read ${value} at ${offset}, where ${committed ?? "nothing"} is committed`);
    this.#table.read(record);
    this.#position = offset + 1;
    this.#polled.push({ offset, value: stampOf(value).told });
  }

  /** The broker has nothing up to `to`. */
  #skip(to: number): void {
    if (to <= this.#position) return;
    this.#history.missing(this.#position, to, this.name);
    this.#tell();
    this.#seen.sought(this.#history.name, to);
    this.#position = to;
  }

  #tell(): void {
    this.#seen.polled(this.#history.name, this.#polled);
    this.#polled = [];
  }

  #reread(): void {
    this.#goTo(0);
    this.#rereadAtMs = this.#isResting ? Infinity : this.#nextRereadMs();
  }

  #nextRereadMs(): number {
    const { rereadMs, random } = this.#parts;
    return rereadMs === null ? Infinity : this.clock.now() + random.next() * 2 * rereadMs;
  }

  #goTo(offset: number): void {
    this.#position = offset;
    this.#epoch = -1;
    this.#table.from(offset);
    this.#seen.sought(this.#history.name, offset);
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
      this.#goTo(answer.offset);
      return true;
    } catch (error) {
      if (isBug(error)) throw error;
      return false;
    }
  }
}
