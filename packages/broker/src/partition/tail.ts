type Held = { readonly end: number; readonly records: Buffer };

/**
 * Batches whose requests wait for followers (acks=all): until they are answered they stay in the buffers in which they were received. Who
 * follows closely gets them from there and not back from the disk. Nothing is kept for this.
 */
export class Tail {
  readonly #held = new Map<number, Held>();

  /** What was stored at `from` stands in `records` until it is released. */
  hold(from: number, end: number, records: Buffer): void {
    this.#held.set(from, { end, records });
  }

  release(from: number): void {
    this.#held.delete(from);
  }

  /** What one request stored at `from`, unless a read from the disk would bring more at once; null: read the disk. */
  at(from: number, { bytesMax, upTo }: { bytesMax: number; upTo: number }): Buffer | null {
    const held = this.#held.get(from);
    if (held === undefined || held.end > upTo) return null;
    const isAll = held.end === upTo;
    return isAll || held.records.length > bytesMax / 2 ? held.records : null;
  }
}
