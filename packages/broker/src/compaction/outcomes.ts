import { type Batch, unpack } from "@odradek/protocol";

const ABORT = 0;

/** What of one producer is known: where its newest marker stands and which stretches were aborted. */
type Decided = { lastMarker: number; aborted: { from: number; to: number }[] };

/**
 * How the transactions of a stretch of a log ended, as its own markers say. Compaction reads them ahead of the records: nothing of an
 * aborted transaction may take the place of a committed record, and what no marker has decided yet is not touched at all.
 */
export class Outcomes {
  readonly #producers = new Map<number, Decided>();

  /** A control batch; they come in offset order. */
  marker(batch: Batch): void {
    const known = this.#producers.get(batch.producerId) ?? { lastMarker: -1, aborted: [] };
    if (isAbort(batch)) known.aborted.push({ from: known.lastMarker + 1, to: batch.baseOffset });
    known.lastMarker = batch.lastOffset;
    this.#producers.set(batch.producerId, known);
  }

  /** Of a transactional batch: what became of its transaction. */
  of(batch: Batch): "committed" | "aborted" | "undecided" {
    const known = this.#producers.get(batch.producerId);
    if (known === undefined || batch.baseOffset > known.lastMarker) return "undecided";
    const { aborted } = known;
    let low = 0;
    let high = aborted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (aborted[middle]!.to < batch.baseOffset) low = middle + 1;
      else high = middle;
    }
    return low < aborted.length && aborted[low]!.from <= batch.baseOffset ? "aborted" : "committed";
  }
}

/** Marker: one record with key int16 version, int16 type (0 abort, 1 commit). An empty one decided nothing that is still there. */
function isAbort(batch: Batch): boolean {
  const key = unpack(batch)[0]?.key ?? null;
  return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT;
}
