import { valueOf } from "./stamp.ts";

export type SentBatch = {
  readonly index: number;
  readonly values: readonly string[];
  readonly baseSequence: number;
  isUnderWay: boolean;
  attempts: number;
};

/** What one producer has for one partition: batches in order, those not acknowledged. */
export class Lane {
  readonly partition: number;
  /** A broker remembers so many batches of a producer: none is sent that many behind one that is not acknowledged (I-02). */
  readonly #batchesMax: number;
  readonly #producer: string;
  /** Tells of a record that is going to be sent, and gets the number that it goes by. */
  readonly #tell: () => number;
  batches: SentBatch[] = [];
  notBeforeMs = 0;
  acknowledged = 0;
  #sequence = 0;
  #index = 0;

  constructor(producer: string, partition: number, batchesMax: number, tell: () => number) {
    this.#batchesMax = batchesMax;
    this.#producer = producer;
    this.partition = partition;
    this.#tell = tell;
  }

  /** One batch more; each record says whose it is and which one (see `Stamp`). */
  add(pads: readonly string[]): void {
    const values = pads.map((pad, at) =>
      valueOf({ producer: this.#producer, number: this.#sequence + at + 1, told: this.#tell() }, pad),
    );
    this.batches.push({ index: this.#index++, values, baseSequence: this.#sequence, isUnderWay: false, attempts: 0 });
    this.#sequence += values.length;
  }

  get isFull(): boolean {
    return this.batches.length > 0 && this.#index - this.batches[0]!.index >= this.#batchesMax;
  }

  /** After a failure all that is under way is waited for: what is sent again must not overtake it. */
  isReady(nowMs: number): boolean {
    const isRepeating = this.batches.some((batch) => !batch.isUnderWay && batch.attempts > 0);
    if (isRepeating && this.batches.some((batch) => batch.isUnderWay)) return false;
    return nowMs >= this.notBeforeMs && this.batches.some((batch) => !batch.isUnderWay);
  }

  waiting(): SentBatch[] {
    return this.batches.filter((batch) => !batch.isUnderWay);
  }

  isFirst(batch: SentBatch): boolean {
    return this.batches[0] === batch;
  }

  remove(batch: SentBatch): void {
    this.batches = this.batches.filter((each) => each !== batch);
  }
}
