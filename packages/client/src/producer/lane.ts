import type { CompressionName } from "@odradek/protocol";
import type { Route } from "../cluster/metadata.ts";
import { OutgoingBatch, type Identity } from "./batch.ts";

const SEQUENCES = 2 ** 31;

/**
 * The way of one partition's records to its leader: a queue of batches of which the first may be in flight, never two, so that
 * batches can't overtake each other. With idempotence every lane numbers its records under an identity.
 */
export class PartitionLane {
  readonly topic: string;
  readonly partition: number;
  readonly queue: OutgoingBatch[] = [];
  isInFlight = false;
  /** Not before this time, of the clock's `now`, is the first batch sent again. */
  notBeforeMs = 0;
  /** Where the last attempt went; null: nobody was known to lead. */
  route: Route | null = null;
  /** The last attempt has failed because that was the wrong place. */
  isAstray = false;
  /** Null until the first batch leaves, and again after a failure that makes its sequence numbers doubtful. */
  identity: Identity | null = null;
  #nextSequence = 0;
  #firstSequence: number | null = null;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get first(): OutgoingBatch | null {
    return this.queue[0] ?? null;
  }

  /** The batch that takes the next record: the last, unless it has been sent already or is full. */
  open(nowMs: number): OutgoingBatch {
    const last = this.queue.at(-1);
    if (last?.takesMore === true && !(this.isInFlight && this.queue.length === 1)) return last;
    return this.append(nowMs);
  }

  append(nowMs: number): OutgoingBatch {
    const batch = new OutgoingBatch(this.topic, this.partition, nowMs);
    this.queue.push(batch);
    return batch;
  }

  /** The first batch's bytes under the lane's identity. */
  encodeFirst(compression: CompressionName): Buffer {
    this.#firstSequence ??= this.#nextSequence;
    return this.first!.encode(compression, this.identity, this.#firstSequence);
  }

  /** Takes the first batch away: it has been written. */
  advance(): OutgoingBatch {
    const batch = this.queue.shift()!;
    this.#nextSequence = ((this.#firstSequence ?? this.#nextSequence) + batch.records.length) % SEQUENCES;
    this.#firstSequence = null;
    return batch;
  }

  /** Puts two halves in the place of the first batch, which was not written: they begin where it would have. */
  splitFirst(): void {
    const [first, second] = this.queue.shift()!.split();
    this.queue.unshift(first, second);
    this.#firstSequence = null;
  }

  /** Takes the first batch away: it has been given up. */
  giveUp(): OutgoingBatch {
    this.#firstSequence = null;
    return this.queue.shift()!;
  }

  dropIdentity(): void {
    this.identity = null;
    this.#nextSequence = 0;
    this.#firstSequence = null;
  }

  /** Takes the identity to begin with. */
  identify(identity: Identity): void {
    this.identity = identity;
    this.#nextSequence = 0;
    this.#firstSequence = null;
  }
}
