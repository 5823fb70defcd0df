const PAGE = 256;

/**
 * Numbers by index, 8 bytes each: nothing is set aside for what lies far from everything else, so a wild offset costs one
 * page of 2 KiB.
 */
export class Numbers {
  readonly #pages = new Map<number, Float64Array>();
  readonly #unset: number;
  /** Neighbours are asked for one after the other: the last page is kept at hand. */
  #pageIndex = -1;
  #page: Float64Array | undefined;

  constructor(unset: number) {
    this.#unset = unset;
  }

  get(index: number): number {
    const page = this.#pageOf(Math.floor(index / PAGE));
    return page === undefined ? this.#unset : page[index % PAGE]!;
  }

  set(index: number, number: number): void {
    const pageIndex = Math.floor(index / PAGE);
    let page = this.#pageOf(pageIndex);
    if (page === undefined) {
      page = new Float64Array(PAGE).fill(this.#unset);
      this.#pages.set(pageIndex, page);
      this.#page = page;
    }
    page[index % PAGE] = number;
  }

  /** The first index in (after, before) that is set, or null. */
  firstBetween(after: number, before: number): number | null {
    for (const pageIndex of this.#pagesBetween(Math.floor((after + 1) / PAGE), Math.floor((before - 1) / PAGE))) {
      if (this.#pageOf(pageIndex) === undefined) continue;
      const end = Math.min(before, (pageIndex + 1) * PAGE);
      for (let index = Math.max(after + 1, pageIndex * PAGE); index < end; index++)
        if (this.get(index) !== this.#unset) return index;
    }
    return null;
  }

  /** At most as many as there are: a gap may be as wide as a wild offset makes it. */
  #pagesBetween(first: number, last: number): number[] {
    if (last - first < this.#pages.size) return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    return [...this.#pages.keys()].filter((index) => index >= first && index <= last).toSorted((a, b) => a - b);
  }

  #pageOf(pageIndex: number): Float64Array | undefined {
    if (pageIndex !== this.#pageIndex) {
      this.#pageIndex = pageIndex;
      this.#page = this.#pages.get(pageIndex);
    }
    return this.#page;
  }
}
