import { type Batch, batchesIn, ErrorCode, type FetchResponse, type LogRecord, readBatch } from "@odradek/protocol";
import { KafkaError } from "../errors.ts";

type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

export type Decoded = {
  readonly records: LogRecord[];
  readonly nextOffset: number;
  /** In which the last batch was written; -1 when there is none. */
  readonly leaderEpoch: number;
};

/**
 * The records from `position` on. Control batches and, where the broker named them, records of aborted transactions are left
 * out but count for `nextOffset`. Throws a KafkaError CORRUPT_MESSAGE when a checksum does not match, ProtocolError when malformed.
 */
export function decodeFetched(name: string, fetched: FetchedPartition, position: number): Decoded {
  const aborted = new AbortedTransactions(fetched.abortedTransactions ?? []);
  const records: LogRecord[] = [];
  let nextOffset = position;
  let leaderEpoch = -1;
  for (const batch of batchesIn(fetched.records ?? Buffer.alloc(0))) {
    if (batch.nextOffset <= position) continue;
    if (batch.crc !== batch.computeCrc()) {
      throw new KafkaError(
        ErrorCode.CORRUPT_MESSAGE,
        name,
        `the checksum of the batch at ${batch.baseOffset} does not match`,
      );
    }
    nextOffset = batch.nextOffset;
    leaderEpoch = batch.partitionLeaderEpoch;
    if (aborted.hides(batch)) continue;
    for (const record of readBatch(batch)) if (record.offset >= position) records.push(record);
  }
  return { records, nextOffset, leaderEpoch };
}

/** Follows the transactions of a fetch in offset order. */
class AbortedTransactions {
  /** Producers by the offset at which their aborted transaction begins, last first. */
  readonly #coming: { readonly producerId: number; readonly firstOffset: number }[];
  readonly #open = new Set<number>();

  constructor(aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]) {
    this.#coming = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Whether the batch holds no records for the application. */
  hides(batch: Batch): boolean {
    while (this.#coming.length > 0 && this.#coming.at(-1)!.firstOffset <= batch.lastOffset)
      this.#open.add(this.#coming.pop()!.producerId);
    if (!batch.isControl) return batch.isTransactional && this.#open.has(batch.producerId);
    this.#open.delete(batch.producerId); // its marker ends a transaction either way
    return true;
  }
}
