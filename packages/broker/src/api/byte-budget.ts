/** Bytes that all connections together may hold of something; whoever asks late gets less, never nothing. */
export class ByteBudget {
  readonly #bytesMax: number;
  readonly #bytesLeast: number;
  #held = 0;

  /** `bytesLeast`: what is allowed to one even when nothing is left, so that everybody makes progress. */
  constructor(bounds: { bytesMax: number; bytesLeast: number }) {
    this.#bytesMax = bounds.bytesMax;
    this.#bytesLeast = bounds.bytesLeast;
  }

  get held(): number {
    return this.#held;
  }

  /** How much one may take now. */
  get allowance(): number {
    return Math.max(this.#bytesLeast, this.#bytesMax - this.#held);
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}
