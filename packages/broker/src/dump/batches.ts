import type { Files } from "@odradek/kit";
import { type Batch, Compression, readBatch } from "@odradek/protocol";
import { ReadPool } from "../disk/read-pool.ts";
import { examineFile } from "../segment/examine.ts";
import { type Found, damage, row } from "./found.ts";

/** The batches of a .log file, or (`deep`) their records; what stands between is damage. */
export async function* dumpBatches(
  files: Files,
  path: string,
  at: { base: number; deep: boolean },
): AsyncGenerator<Found> {
  const file = files.open(path);
  try {
    const pool = new ReadPool();
    const checked = { file, pool, size: file.size(), base: at.base, end: Infinity, joins: false, epochOf: () => -1 };
    for await (const found of examineFile(checked)) {
      if (found.is === "batch")
        yield* at.deep ? recordsOf(found.batch, found.position) : [batchRow(found.batch, found.position)];
      else
        yield damage(
          found.damage.position,
          `${found.damage.size} bytes hold no whole batch behind offset ${found.damage.from}`,
        );
    }
  } finally {
    file.close();
  }
}

const batchRow = (batch: Batch, position: number): Found =>
  row({
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    count: batch.recordsCount,
    baseSequence: batch.baseSequence,
    lastSequence: batch.baseSequence < 0 ? -1 : batch.lastSequence,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    position,
    timestampType: batch.isLogAppendTime ? "LogAppendTime" : "CreateTime",
    maxTimestamp: batch.maxTimestamp,
    size: batch.size,
    compression: Object.keys(Compression)[batch.compression] ?? String(batch.compression),
    crc: batch.crc,
  });

function* recordsOf(batch: Batch, position: number): Generator<Found> {
  try {
    for (const [index, record] of readBatch(batch).entries())
      yield row({
        offset: record.offset,
        timestamp: record.timestamp,
        position,
        sequence: batch.baseSequence < 0 ? -1 : batch.baseSequence + index,
        isControl: batch.isControl,
        headers: record.headers.map(({ key }) => key).join(","),
        key: textOf(record.key),
        value: textOf(record.value),
      });
  } catch (cause) {
    yield damage(position, `the records of batch ${batch.baseOffset} can't be read: ${String(cause)}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** As text when it is some, else base64 with a mark before it. */
function textOf(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  try {
    return utf8.decode(bytes);
  } catch {
    return `base64:${bytes.toString("base64")}`;
  }
}
