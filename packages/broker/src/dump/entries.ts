import type { Files } from "@odradek/kit";
import { Batch, BATCH_HEADER_BYTES, crc32c } from "@odradek/protocol";
import { type Found, damage, row } from "./found.ts";

const TWO_32 = 4_294_967_296;
const int64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);

type Indexed = { readonly base: number; readonly log: string };

/** .index: each entry must name the last offset of the batch it points to, when the .log file lies beside it. */
export function* dumpOffsetIndex(files: Files, bytes: Buffer, { base, log }: Indexed): Generator<Found> {
  const file = files.exists(log) ? files.open(log) : null;
  const header = Buffer.alloc(BATCH_HEADER_BYTES);
  let before = base - 1;
  try {
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      const [offset, position] = [base + bytes.readInt32BE(at), bytes.readInt32BE(at + 4)];
      // Kafka preallocates indexes of growing segments; zeros stand behind the last entry.
      if (at > 0 && bytes.readInt32BE(at) === 0 && position === 0) return;
      yield row({ offset, position });
      if (offset <= before) yield damage(at, `offset ${offset} stands behind ${before}`);
      before = offset;
      const found = file === null ? -1 : position < 0 ? 0 : file.read(header, position);
      if (found >= 0 && (found < BATCH_HEADER_BYTES || new Batch(header).lastOffset !== offset))
        yield damage(at, `no batch at ${position} of the log ends with offset ${offset}`);
    }
    if (bytes.length % 8 !== 0) yield damage(bytes.length - (bytes.length % 8), "half an entry");
  } finally {
    file?.close();
  }
}

/** .timeindex: timestamps go up. */
export function* dumpTimeIndex(bytes: Buffer, { base }: Indexed): Generator<Found> {
  let before = { timestamp: -Infinity, offset: base - 1 };
  for (let at = 0; at + 12 <= bytes.length; at += 12) {
    const entry = { timestamp: int64(bytes, at), offset: base + bytes.readInt32BE(at + 8) };
    if (at > 0 && entry.timestamp === 0 && entry.offset === base) return;
    yield row(entry);
    if (entry.timestamp <= before.timestamp || entry.offset < before.offset)
      yield damage(
        at,
        `timestamp ${entry.timestamp} of offset ${entry.offset} stands behind ${before.timestamp} of ${before.offset}`,
      );
    before = entry;
  }
  if (bytes.length % 12 !== 0) yield damage(bytes.length - (bytes.length % 12), "half an entry");
}

/** .txnindex: int16 version, then producer id, first, last and last stable offset of an aborted transaction. */
export function* dumpAbortedIndex(bytes: Buffer): Generator<Found> {
  for (let at = 0; at + 34 <= bytes.length; at += 34) {
    const [producerId, firstOffset, lastOffset, lastStableOffset] = [2, 10, 18, 26].map((field) =>
      int64(bytes, at + field),
    );
    yield row({
      version: bytes.readInt16BE(at),
      producerId: producerId!,
      firstOffset: firstOffset!,
      lastOffset: lastOffset!,
      lastStableOffset: lastStableOffset!,
    });
    if (bytes.readInt16BE(at) !== 0) yield damage(at, `version ${bytes.readInt16BE(at)}`);
    if (firstOffset! > lastOffset!) yield damage(at, `a transaction from ${firstOffset} to ${lastOffset}`);
  }
  if (bytes.length % 34 !== 0) yield damage(bytes.length - (bytes.length % 34), "half an entry");
}

const SNAPSHOT_HEAD_BYTES = 10;
const PRODUCER_BYTES = 46;

const EARLIER_BATCH_BYTES = 32;

/** Where a snapshot ends that goes on, behind Kafka's part, with the earlier batches of each producer. */
function endOfEarlier(bytes: Buffer, start: number, producers: number): number {
  let at = start;
  for (let left = producers; left > 0 && at < bytes.length; left--) at += 1 + bytes[at]! * EARLIER_BATCH_BYTES;
  return at;
}

/** .snapshot: what producers have sent last, under one checksum (the layout stands in `partition/producers`). */
export function* dumpSnapshot(bytes: Buffer): Generator<Found> {
  if (bytes.length < SNAPSHOT_HEAD_BYTES) return yield damage(0, `a snapshot of ${bytes.length} bytes`);
  if (bytes.readInt16BE(0) !== 1) return yield damage(0, `version ${bytes.readInt16BE(0)}`);
  const crc = crc32c(bytes.subarray(6));
  if (crc !== bytes.readUInt32BE(2)) yield damage(2, `the checksum is ${bytes.readUInt32BE(2)}, of these bytes ${crc}`);
  const count = bytes.readInt32BE(6);
  const end = SNAPSHOT_HEAD_BYTES + count * PRODUCER_BYTES;
  const isWhole = bytes.length === end || bytes.length === endOfEarlier(bytes, end, count);
  if (!isWhole) yield damage(6, `${count} producers in ${bytes.length} bytes`);
  for (let at = SNAPSHOT_HEAD_BYTES; at + PRODUCER_BYTES <= Math.min(end, bytes.length); at += PRODUCER_BYTES)
    yield row({
      producerId: int64(bytes, at),
      producerEpoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: int64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      lastTimestamp: int64(bytes, at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTransactionFirstOffset: int64(bytes, at + 38),
    });
}
