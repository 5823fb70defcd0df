const PLACES = 8;

/**
 * The last places where reads and writes of a segment ended. Who reads on from there, which is nearly everybody, finds the position
 * without an index.
 */
export class Recent {
  readonly #offsets = new Float64Array(PLACES).fill(-1);
  readonly #positions = new Float64Array(PLACES);
  #next = 0;

  add(offset: number, position: number): void {
    const known = this.#offsets.indexOf(offset);
    const place = known >= 0 ? known : this.#next++ % PLACES;
    this.#offsets[place] = offset;
    this.#positions[place] = position;
  }

  /** Where the batch that starts with `offset` stands. */
  positionOf(offset: number): number | null {
    const place = this.#offsets.indexOf(offset);
    return place < 0 ? null : this.#positions[place]!;
  }

  clear(): void {
    this.#offsets.fill(-1);
  }
}
