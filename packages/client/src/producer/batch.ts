import { assert } from "@odradek/kit";
import { buildBatch, type CompressionName, type RecordDraft, recordBytesMax } from "@odradek/protocol";

export type Halves = readonly [OutgoingBatch, OutgoingBatch];
export type Identity = { readonly id: number; readonly epoch: number };

/** An upper bound of a batch without records. */
const BATCH_BYTES_MIN = 61;

/** Records of one partition on their way to becoming one batch on the wire, or two when the broker finds one too large. */
export class OutgoingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly createdMs: number;
  readonly records: RecordDraft[] = [];
  /** An upper bound of the uncompressed size. */
  bytes = BATCH_BYTES_MIN;
  /** Failed ones so far. */
  attempts = 0;
  lastError: Error | null = null;
  /** One of them ended without the broker's word that it wrote nothing. */
  mayBeWritten = false;
  /** The base offset once acknowledged (-1: unknown), or what the batch was split into. */
  readonly #done: Promise<number | Halves>;
  #isHalf = false;
  #resolve!: (done: number | Halves) => void;
  #reject!: (error: Error) => void;
  #encoded: { readonly bytes: Buffer; readonly producer: Identity | null; readonly baseSequence: number } | null = null;

  constructor(topic: string, partition: number, createdMs: number) {
    this.topic = topic;
    this.partition = partition;
    this.createdMs = createdMs;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#done.catch(() => undefined); // whoever sent the records awaits it too; nobody may, after an earlier failure
  }

  /** Appends a record and returns its index, or -1 when the batch is full. A record that is too large alone gets a batch alone. */
  add(record: RecordDraft, bytesMax: number): number {
    const size = recordBytesMax(record);
    if (this.records.length > 0 && this.bytes + size > bytesMax) return -1;
    this.bytes += size;
    return this.records.push(record) - 1;
  }

  /** Resolves with the offset of a record once acknowledged; -1 when the broker does not tell. */
  async offsetOf(index: number): Promise<number> {
    const done = await this.#done;
    if (typeof done === "number") return done < 0 ? -1 : done + index;
    const [first, second] = done;
    const firstCount = first.records.length;
    return index < firstCount ? first.offsetOf(index) : second.offsetOf(index - firstCount);
  }

  /** It may have left: the broker may know its sequence numbers. */
  get isSealed(): boolean {
    return this.#encoded !== null;
  }

  /** A half was full before: with more it would soon be too large again. */
  get takesMore(): boolean {
    return !this.isSealed && !this.#isHalf;
  }

  /** Its records in two batches, in order, as old as this one; whoever waits for them waits for the halves from now on. */
  split(): Halves {
    assert(this.records.length > 1, "one record cannot be split");
    const half = this.records.length >> 1;
    const halves: Halves = [this.#part(0, half), this.#part(half, this.records.length)];
    this.#resolve(halves);
    return halves;
  }

  #part(from: number, to: number): OutgoingBatch {
    const part = new OutgoingBatch(this.topic, this.partition, this.createdMs);
    for (const record of this.records.slice(from, to)) part.add(record, Infinity);
    part.attempts = this.attempts + 1;
    part.lastError = this.lastError;
    part.mayBeWritten = this.mayBeWritten;
    part.#isHalf = true;
    return part;
  }

  /** The batch's bytes. A repeat under the same identity is byte for byte the same, which is what makes it harmless. */
  encode(compression: CompressionName, producer: Identity | null, baseSequence: number): Buffer {
    const before = this.#encoded;
    if (before !== null && before.producer === producer) return before.bytes;
    const identity = producer === null ? {} : { producer: { ...producer, baseSequence } };
    const bytes = buildBatch({ records: this.records, compression, ...identity });
    this.#encoded = { bytes, producer, baseSequence };
    return bytes;
  }

  acknowledge(baseOffset: number): void {
    this.#resolve(baseOffset);
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}
