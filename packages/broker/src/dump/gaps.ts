import { basename, dirname } from "node:path";
import { parseFileName } from "../segment/file-names.ts";
import type { Row } from "./found.ts";

/** Offsets between two segments, both included. */
export type Gap = { readonly from: number; readonly to: number };

/**
 * What is missing between the segments of a log that are dumped one after the other. No damage by itself: compaction takes the last
 * records of a segment, too, and no file says whether it did.
 */
export class SegmentGaps {
  /** By directory: the offset behind what was read last. */
  readonly #next = new Map<string, number>();

  /** A file is about to be read. */
  before(path: string): Gap | null {
    const start = startOf(path);
    if (start === null) return null;
    const from = this.#next.get(dirname(path));
    this.#next.set(dirname(path), start);
    return from === undefined || from >= start ? null : { from, to: start - 1 };
  }

  /** It holds this batch or record. */
  saw(path: string, row: Row): void {
    const last = row["lastOffset"] ?? row["offset"];
    if (startOf(path) !== null && typeof last === "number") this.#next.set(dirname(path), last + 1);
  }
}

function startOf(path: string): number | null {
  const name = parseFileName(basename(path));
  return name?.kind === "log" ? name.offset : null;
}
