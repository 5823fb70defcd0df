/** How long each partition was silent at most, within a window of time. Times are milliseconds of one clock. */
export class Silence {
  readonly #partitions: readonly string[];
  readonly #heardMs = new Map<string, number>();
  #fromMs = 0;
  #longestMs = 0;
  #heard = 0;

  constructor(partitions: readonly string[]) {
    this.#partitions = partitions;
  }

  /** Since the window began. */
  get heard(): number {
    return this.#heard;
  }

  begin(nowMs: number): void {
    this.#fromMs = nowMs;
    this.#longestMs = 0;
    this.#heard = 0;
  }

  hear(partition: string, nowMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, this.#silentMs(partition, nowMs));
    this.#heardMs.set(partition, nowMs);
    this.#heard++;
  }

  /** The longest silence of any partition since `begin`; one that still lasts counts as far as it has come. */
  longestMs(nowMs: number): number {
    return Math.max(this.#longestMs, ...this.#partitions.map((partition) => this.#silentMs(partition, nowMs)));
  }

  #silentMs(partition: string, nowMs: number): number {
    return nowMs - Math.max(this.#fromMs, this.#heardMs.get(partition) ?? this.#fromMs);
  }
}
