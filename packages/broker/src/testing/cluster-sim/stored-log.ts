import type { OpenFile } from "@odradek/kit";
import { must } from "@odradek/kit/simulation";
import type { MemoryFiles } from "@odradek/kit/testing";
import { type Batch, batchesIn, readBatch } from "@odradek/protocol";

import { recordOf, type SimRecord } from "./sim-record.ts";

/** A compacted segment that has not got its name yet counts when nothing has it (see `SealedSegments`). */
const SEGMENT = /^(\d{20})\.log(\.swap)?$/;

/** A partition's records as they stand on a disk, read without the product's help. */
export class StoredLog {
  readonly #files: MemoryFiles;
  readonly #directory: string;
  /** Where the next batch to be read stands. */
  #at = { offset: -1, base: -1, position: 0 };

  constructor(files: MemoryFiles, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** Records of whole batches from `from` up to `to`, in order; compaction may have left gaps. */
  *read(from: number, to: number): Generator<SimRecord> {
    const segments = this.#segments();
    for (let offset = from; offset < to;) {
      const before = offset;
      for (const batch of this.#batches(segments, offset, to)) {
        for (const record of readBatch(batch)) if (record.offset >= offset) yield recordOf(record);
        offset = batch.nextOffset;
      }
      if (offset === before) return;
    }
  }

  /** Where the last whole batch ends; 0: there is none. */
  get end(): number {
    const last = [...this.#segments()].at(-1);
    if (last === undefined) return 0;
    let [end] = last;
    for (const batch of batchesIn(this.#bytes(last[1], 0)))
      if (batch.crc === batch.computeCrc()) end = batch.nextOffset;
    return end;
  }

  /** Those of one segment. */
  *#batches(segments: ReadonlyMap<number, string>, from: number, to: number): Generator<Batch> {
    const base = [...segments.keys()].findLast((each) => each <= from);
    if (base === undefined) return;
    const isNext = this.#at.offset === from && this.#at.base === base;
    let position = isNext ? this.#at.position : 0;
    for (const batch of batchesIn(this.#bytes(segments.get(base)!, position))) {
      if (batch.nextOffset > to) break;
      position += batch.size;
      if (batch.nextOffset <= from) continue;
      must(batch.crc === batch.computeCrc(), `${this.#directory}/${batch.baseOffset} has a wrong checksum on disk`);
      this.#at = { offset: batch.nextOffset, base, position };
      yield batch;
    }
  }

  /** File names by base offset, in order. */
  #segments(): Map<number, string> {
    const segments = new Map<number, string>();
    for (const name of this.#files.list(this.#directory)) {
      const match = SEGMENT.exec(name);
      if (match && !segments.has(Number(match[1]))) segments.set(Number(match[1]), name);
    }
    return segments;
  }

  #bytes(name: string, position: number): Buffer {
    const file: OpenFile = this.#files.open(`${this.#directory}/${name}`);
    const bytes = Buffer.alloc(Math.max(0, file.size() - position));
    file.read(bytes, position);
    file.close();
    return bytes;
  }
}
