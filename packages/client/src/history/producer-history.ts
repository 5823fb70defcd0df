import type { PartitionHistory } from "./partition-history.ts";

/** What one producer did. A send that is never said to have ended may have happened or not. */
export class ProducerHistory {
  readonly #send: (partition: string) => number;
  readonly #partition: (name: string) => PartitionHistory;

  constructor(send: (partition: string) => number, partition: (name: string) => PartitionHistory) {
    this.#send = send;
    this.#partition = partition;
  }

  /** Returns the value that the record must carry. Throws RangeError when the history is full. */
  send(partition: string): number {
    return this.#send(partition);
  }

  /** `offset` -1: the broker did not say where. */
  acknowledged(partition: string, value: number, offset: number): void {
    this.#partition(partition).acknowledged(value, offset);
  }

  /** Definitely not written, now or later. */
  failed(partition: string, value: number): void {
    this.#partition(partition).failed(value);
  }
}
