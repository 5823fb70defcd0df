import { buildBatch, type CompressionName, type RecordDraft, recordBytesMax } from "@odradek/protocol";

export type Identity = { readonly id: number; readonly epoch: number };

/** Records of one partition on their way to becoming one batch on the wire. */
export class OutgoingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly createdMs: number;
  readonly records: RecordDraft[] = [];
  /** An upper bound of the uncompressed size. */
  bytes = 61;
  /** Resolves with the base offset once acknowledged. */
  readonly done: Promise<number>;
  /** Failed ones so far. */
  attempts = 0;
  lastError: Error | null = null;
  #resolve!: (baseOffset: number) => void;
  #reject!: (error: Error) => void;
  #encoded: { readonly bytes: Buffer; readonly producer: Identity | null; readonly baseSequence: number } | null = null;

  constructor(topic: string, partition: number, createdMs: number) {
    this.topic = topic;
    this.partition = partition;
    this.createdMs = createdMs;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // whoever sent the records awaits it too; nobody may, after an earlier failure
  }

  /** Appends a record and returns its index, or -1 when the batch is full. A record that is too large alone gets a batch alone. */
  add(record: RecordDraft, bytesMax: number): number {
    const size = recordBytesMax(record);
    if (this.records.length > 0 && this.bytes + size > bytesMax) return -1;
    this.bytes += size;
    return this.records.push(record) - 1;
  }

  get isSealed(): boolean {
    return this.#encoded !== null;
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
