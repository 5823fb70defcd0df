import type { OpenFile } from "@odradek/kit";
import { must } from "@odradek/kit/simulation";
import type { MemoryFiles } from "@odradek/kit/testing";
import { batchesIn, readBatch } from "@odradek/protocol";

const SEGMENT = /^(\d{20})\.log$/;

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

  /** Records of whole batches from `from` up to `to`, in order. */
  *read(from: number, to: number): Generator<{ offset: number; value: string }> {
    let offset = from;
    while (offset < to) {
      const before = offset;
      for (const record of this.#segment(offset, to)) {
        offset = record.offset + 1;
        yield record;
      }
      must(offset > before, `${this.#directory} has no record ${offset} on disk, where it should end at ${to}`);
    }
  }

  /** Where the last whole batch ends; 0: there is none. */
  get end(): number {
    const base = this.#bases().at(-1);
    if (base === undefined) return 0;
    let end = base;
    for (const batch of batchesIn(this.#bytes(base, 0))) if (batch.crc === batch.computeCrc()) end = batch.nextOffset;
    return end;
  }

  *#segment(from: number, to: number): Generator<{ offset: number; value: string }> {
    const bases = this.#bases();
    const base = bases.findLast((each) => each <= from);
    if (base === undefined) return;
    const isNext = this.#at.offset === from && this.#at.base === base;
    let position = isNext ? this.#at.position : 0;
    for (const batch of batchesIn(this.#bytes(base, position))) {
      if (batch.nextOffset > to) break;
      position += batch.size;
      if (batch.nextOffset <= from) continue;
      must(batch.crc === batch.computeCrc(), `${this.#directory}/${batch.baseOffset} has a wrong checksum on disk`);
      for (const { offset, value } of readBatch(batch)) if (offset >= from) yield { offset, value: String(value) };
      this.#at = { offset: batch.nextOffset, base, position };
    }
  }

  #bases(): number[] {
    return this.#files.list(this.#directory).flatMap((name) => {
      const match = SEGMENT.exec(name);
      return match ? [Number(match[1])] : [];
    });
  }

  #bytes(base: number, position: number): Buffer {
    const file: OpenFile = this.#files.open(`${this.#directory}/${String(base).padStart(20, "0")}.log`);
    const bytes = Buffer.alloc(Math.max(0, file.size() - position));
    file.read(bytes, position);
    file.close();
    return bytes;
  }
}
