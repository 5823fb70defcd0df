export type SentBatch = {
  readonly values: readonly string[];
  readonly baseSequence: number;
  isUnderWay: boolean;
  attempts: number;
};

/** What one producer has for one partition: batches in order, those not acknowledged. */
export class Lane {
  readonly partition: number;
  readonly #producer: string;
  batches: SentBatch[] = [];
  notBeforeMs = 0;
  acknowledged = 0;
  #sequence = 0;

  constructor(producer: string, partition: number) {
    this.#producer = producer;
    this.partition = partition;
  }

  /** One batch more; each record says whose it is and which one (see `Stamp`). */
  add(pads: readonly string[]): void {
    const values = pads.map((pad, at) => `${this.#producer}:${this.#sequence + at + 1}:${pad}`);
    this.batches.push({ values, baseSequence: this.#sequence, isUnderWay: false, attempts: 0 });
    this.#sequence += values.length;
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
