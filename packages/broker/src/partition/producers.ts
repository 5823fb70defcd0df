import { crc32c, ErrorCode, ProtocolError, Reader, Writer, type Batch } from "@odradek/protocol";

/** Batches of a producer that a retry may repeat: idempotent clients keep at most this many requests in flight (RELIABILITY I-02). */
const BATCHES_REMEMBERED = 5;
const SEQUENCES = 0x8000_0000;
/** Of one producer in a snapshot. */
const PRODUCER_BYTES = 46;
/** One earlier batch in a snapshot. */
const EARLIER_BYTES = 32;
/** Told to a follower that starts over, the newest first: 20 MB in a message of at most 112 MiB. */
const PRODUCERS_TOLD_MAX = 100_000;

type Sent = {
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly timestamp: number;
};

type Producer = {
  readonly epoch: number;
  /** The newest last; none after a snapshot or a transaction's end said only the epoch. */
  readonly sent: readonly Sent[];
  readonly timestamp: number;
  readonly coordinatorEpoch: number;
  /** First offset of the open transaction; -1: none. */
  readonly transactionStart: number;
};

/** One producer as an administrator sees it; numbers that there are none of are -1. */
export type ProducerState = {
  readonly id: number;
  readonly epoch: number;
  readonly lastSequence: number;
  readonly timestamp: number;
  readonly coordinatorEpoch: number;
  readonly transactionStart: number;
};

export type Verdict =
  /** Comes next: to be appended. */
  | { readonly is: "next" }
  /** Stands in the log already: to be acknowledged as it was then (RELIABILITY I-01), nothing is appended. */
  | { readonly is: "duplicate"; readonly baseOffset: number; readonly lastOffset: number; readonly timestamp: number }
  | { readonly is: "refused"; readonly error: number };

/**
 * What a partition remembers of idempotent producers (KIP-98): `check` decides and changes nothing, `batch` replays what stands in the
 * log, whoever put it there (RELIABILITY I-06, I-07).
 */
export class Producers {
  #producers = new Map<number, Producer>();
  /** First offsets of the open transactions, by producer: few, where producers may be many. */
  #open = new Map<number, number>();

  get count(): number {
    return this.#producers.size;
  }

  /** What is remembered of each producer (KIP-664). */
  *states(): Iterable<ProducerState> {
    for (const [id, { epoch, sent, timestamp, coordinatorEpoch, transactionStart }] of this.#producers)
      yield { id, epoch, lastSequence: sent.at(-1)?.lastSequence ?? -1, timestamp, coordinatorEpoch, transactionStart };
  }

  /** First offset of the oldest open transaction; null: none is open. */
  get firstUndecided(): number | null {
    if (this.#open.size === 0) return null;
    return Math.min(...this.#open.values());
  }

  /** Whether a batch of an idempotent producer may be appended now. A producer nobody remembers may begin anywhere. */
  check(batch: Batch): Verdict {
    const producer = this.#producers.get(batch.producerId);
    if (producer === undefined) return { is: "next" };
    const { producerEpoch, baseSequence, lastSequence } = batch;
    if (producerEpoch < producer.epoch) return { is: "refused", error: ErrorCode.INVALID_PRODUCER_EPOCH };
    if (producerEpoch > producer.epoch) return nextOnly(baseSequence === 0);
    // The epoch is part of the key: a sequence of an older epoch says nothing (RELIABILITY I-05).
    for (const sent of producer.sent)
      if (sent.baseSequence === baseSequence && sent.lastSequence === lastSequence)
        return { is: "duplicate", baseOffset: sent.baseOffset, lastOffset: sent.lastOffset, timestamp: sent.timestamp };
    const last = producer.sent.at(-1);
    return nextOnly(baseSequence === (last === undefined ? 0 : (last.lastSequence + 1) % SEQUENCES));
  }

  /** A batch stands in the log. */
  batch(batch: Batch): void {
    const { producerId } = batch;
    if (producerId < 0) return;
    const before = this.#producers.get(producerId);
    const producer = batch.isControl ? afterMarker(batch, before) : afterBatch(batch, before);
    this.#producers.set(producerId, producer);
    if (producer.transactionStart >= 0) this.#open.set(producerId, producer.transactionStart);
    else if (before !== undefined) this.#open.delete(producerId);
  }

  /** Whether the batch is the newest of its producer, or the marker that ended the epoch's transaction (KAFKA-8335: offsets tell, not sequences). */
  isLast(batch: Batch): boolean {
    const producer = this.#producers.get(batch.producerId);
    if (producer === undefined) return false;
    const last = producer.sent.at(-1);
    if (last !== undefined) return last.lastOffset === batch.lastOffset;
    return batch.isControl && batch.producerEpoch === producer.epoch;
  }

  /** Forgets producers that have been silent for `expirationMs` (producer.id.expiration.ms) and have nothing open. */
  expire(wallMs: number, expirationMs: number): void {
    for (const [id, { timestamp, transactionStart }] of this.#producers)
      if (transactionStart < 0 && wallMs - timestamp >= expirationMs) this.#producers.delete(id);
  }

  // Snapshot: int16 version 1 · uint32 crc (CRC-32C of what follows) · int32 count · per producer: int64 id · int16 epoch ·
  // int32 lastSequence · int64 lastOffset · int32 offsetDelta · int64 timestamp · int32 coordinatorEpoch · int64 transactionStart
  // That is Kafka's, which ends here, ignores what follows, and forgets all batches but the last. Ours goes on, for a retry may come
  // after a restart, too (I-02, I-10): per producer: int8 count · per earlier batch: int32 baseSequence · int32 lastSequence ·
  // int64 baseOffset · int64 lastOffset · int64 timestamp

  snapshot(): Buffer {
    return snapshotOf(this.#producers);
  }

  /**
   * What a replica whose log begins at `offset` can't learn from its log (RELIABILITY I-04): a snapshot of what came before. A producer of
   * whose remembered batches none did is in the log itself.
   */
  snapshotBelow(offset: number): Buffer {
    const before = new Map<number, Producer>();
    for (const [id, producer] of this.#producers) {
      const sent = producer.sent.filter(({ lastOffset }) => lastOffset < offset);
      const isThere = producer.sent.length === 0 || sent.length > 0;
      const timestamp = sent.at(-1)?.timestamp ?? producer.timestamp;
      const transactionStart = producer.transactionStart < offset ? producer.transactionStart : -1;
      if (isThere) before.set(id, { ...producer, sent, timestamp, transactionStart });
    }
    if (before.size <= PRODUCERS_TOLD_MAX) return snapshotOf(before);
    const newest = [...before].toSorted(([, one], [, other]) => other.timestamp - one.timestamp);
    return snapshotOf(new Map(newest.slice(0, PRODUCERS_TOLD_MAX)));
  }

  /** Takes a snapshot's states in place of all; null: none. False: the snapshot is not whole, nothing was changed. */
  restore(snapshot: Buffer | null): boolean {
    if (snapshot === null) {
      this.#producers = new Map();
      this.#open = new Map();
      return true;
    }
    if (snapshot.length < 10 || snapshot.readInt16BE(0) !== 1) return false;
    if (snapshot.readUInt32BE(2) !== crc32c(snapshot.subarray(6))) return false;
    const producers = readProducers(new Reader(snapshot, 6));
    if (producers === null) return false;
    this.#producers = producers;
    this.#open = new Map();
    for (const [id, { transactionStart }] of producers) if (transactionStart >= 0) this.#open.set(id, transactionStart);
    return true;
  }
}

const nextOnly = (isNext: boolean): Verdict =>
  isNext ? { is: "next" } : { is: "refused", error: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER };

function afterBatch(batch: Batch, before: Producer | undefined): Producer {
  const { baseOffset, lastOffset, maxTimestamp: timestamp, baseSequence, lastSequence, producerEpoch: epoch } = batch;
  const sent: Sent[] = before?.epoch === epoch ? before.sent.slice(1 - BATCHES_REMEMBERED) : [];
  sent.push({ baseSequence, lastSequence, baseOffset, lastOffset, timestamp });
  const open = before?.transactionStart ?? -1;
  const transactionStart = open < 0 && batch.isTransactional ? baseOffset : open;
  return { epoch, sent, timestamp, coordinatorEpoch: before?.coordinatorEpoch ?? -1, transactionStart };
}

/** A transaction ended: no retry of its batches may be taken for one of the next. */
function afterMarker(batch: Batch, before: Producer | undefined): Producer {
  return {
    epoch: batch.producerEpoch,
    sent: [],
    timestamp: batch.maxTimestamp,
    coordinatorEpoch: before?.coordinatorEpoch ?? -1,
    transactionStart: -1,
  };
}

function snapshotOf(producers: ReadonlyMap<number, Producer>): Buffer {
  const w = new Writer(16 + PRODUCER_BYTES * producers.size);
  w.int32(producers.size);
  for (const [id, producer] of producers) {
    const last = producer.sent.at(-1);
    w.int64(id);
    w.int16(producer.epoch);
    w.int32(last?.lastSequence ?? -1);
    w.int64(last?.lastOffset ?? -1);
    w.int32(last === undefined ? 0 : last.lastOffset - last.baseOffset);
    w.int64(producer.timestamp);
    w.int32(producer.coordinatorEpoch);
    w.int64(producer.transactionStart);
  }
  for (const { sent } of producers.values()) writeEarlier(w, sent.slice(0, -1));
  const body = w.concat();
  const head = Buffer.alloc(6);
  head.writeInt16BE(1, 0);
  head.writeUInt32BE(crc32c(body), 2);
  return Buffer.concat([head, body]);
}

/** Null: the checksum was right, but nobody who writes snapshots wrote this. */
function readProducers(r: Reader): Map<number, Producer> | null {
  const producers = new Map<number, Producer>();
  try {
    for (let left = r.count(r.int32(), PRODUCER_BYTES); left > 0; left--) producers.set(r.int64(), readProducer(r));
    if (r.remaining > 0)
      for (const [id, producer] of producers)
        producers.set(id, { ...producer, sent: [...readEarlier(r), ...producer.sent] });
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
  return producers;
}

function writeEarlier(w: Writer, earlier: readonly Sent[]): void {
  w.int8(earlier.length);
  for (const { baseSequence, lastSequence, baseOffset, lastOffset, timestamp } of earlier) {
    w.int32(baseSequence);
    w.int32(lastSequence);
    w.int64(baseOffset);
    w.int64(lastOffset);
    w.int64(timestamp);
  }
}

const readEarlier = (r: Reader): Sent[] =>
  Array.from({ length: r.count(r.int8(), EARLIER_BYTES) }, () => ({
    baseSequence: r.int32(),
    lastSequence: r.int32(),
    baseOffset: r.int64(),
    lastOffset: r.int64(),
    timestamp: r.int64(),
  }));

function readProducer(r: Reader): Producer {
  const epoch = r.int16();
  const lastSequence = r.int32();
  const lastOffset = r.int64();
  const offsetDelta = r.int32();
  const timestamp = r.int64();
  const coordinatorEpoch = r.int32();
  const transactionStart = r.int64();
  const first = lastSequence - offsetDelta;
  const last: Sent = {
    baseSequence: first < 0 ? first + SEQUENCES : first,
    lastSequence,
    baseOffset: lastOffset - offsetDelta,
    lastOffset,
    timestamp,
  };
  return { epoch, sent: lastSequence < 0 ? [] : [last], timestamp, coordinatorEpoch, transactionStart };
}
