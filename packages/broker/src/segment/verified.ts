/** Ranges kept at most; whoever reads in order has one. The shortest is forgotten, which costs a checksum later. */
const RANGES_MAX = 64;

type Range = { from: number; to: number };

/**
 * Which bytes of a segment's file this process knows to be right: it checked them on their way in, or read and checked them since.
 * What stands on a disk may have changed while nobody looked (RELIABILITY L-02), so everything else is checked before it is served.
 */
export class Verified {
  #ranges: Range[] = [];

  covers(from: number, to: number): boolean {
    for (const range of this.#ranges) if (range.from <= from && to <= range.to) return true;
    return from >= to;
  }

  add(from: number, to: number): void {
    if (from >= to) return;
    const added = { from, to };
    const apart: Range[] = [];
    for (const range of this.#ranges) {
      if (range.to < added.from || range.from > added.to) apart.push(range);
      else {
        added.from = Math.min(added.from, range.from);
        added.to = Math.max(added.to, range.to);
      }
    }
    apart.push(added);
    if (apart.length > RANGES_MAX) apart.splice(shortest(apart), 1);
    this.#ranges = apart;
  }

  remove(from: number, to: number): void {
    this.#ranges = this.#ranges.flatMap((range) =>
      [
        { from: range.from, to: Math.min(range.to, from) },
        { from: Math.max(range.from, to), to: range.to },
      ].filter((part) => part.from < part.to),
    );
  }
}

function shortest(ranges: readonly Range[]): number {
  let found = 0;
  for (const [index, { from, to }] of ranges.entries())
    if (to - from < ranges[found]!.to - ranges[found]!.from) found = index;
  return found;
}
