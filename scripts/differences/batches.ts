import { type BatchDraft, buildBatch, crc32c, type RecordDraft } from "@odradek/protocol";

/** The same for both systems, and near enough to the present for both to take it. */
export const nowMs = Date.now();
const HOUR_MS = 3_600_000;
export const farFutureMs = nowMs + 48 * HOUR_MS;
export const farPastMs = nowMs - 48 * HOUR_MS;

export const record = (key: string | null, value: string | null, timestamp = nowMs): RecordDraft => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp,
});

/** A batch that every topic takes: `count` records with keys. */
export const good = (count = 1, draft: Partial<BatchDraft> = {}): Buffer =>
  buildBatch({ records: Array.from({ length: count }, (_, at) => record(`k${at}`, `v${at}`)), ...draft });

/** The same of an idempotent producer. */
export const sequenced = (id: number, epoch: number, baseSequence: number, count = 1): Buffer =>
  good(count, { producer: { id, epoch, baseSequence } });

/** A copy in which something is changed, with a checksum that is right again. */
export function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch);
  change(bytes);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** A copy in which something is changed, and the checksum is as it was. */
export function broken(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch);
  change(bytes);
  return bytes;
}

/** What producers should not send, by name. */
export const badBatches: Readonly<Record<string, Buffer | null>> = {
  "no records": null,
  "empty records": Buffer.alloc(0),
  "a few bytes": Buffer.alloc(10, 1),
  zeros: Buffer.alloc(80),
  "a wrong checksum": broken(good(), (bytes) => bytes.writeUInt32BE(7, 17)),
  "a changed value": broken(good(), (bytes) => (bytes[bytes.length - 2]! ^= 1)),
  "magic 0": broken(good(), (bytes) => bytes.writeInt8(0, 16)),
  "magic 1": broken(good(), (bytes) => bytes.writeInt8(1, 16)),
  "magic 3": broken(good(), (bytes) => bytes.writeInt8(3, 16)),
  "magic -1": broken(good(), (bytes) => bytes.writeInt8(-1, 16)),
  "a cut-off batch": good(3).subarray(0, -5),
  "a length that is too large": broken(good(), (bytes) => bytes.writeInt32BE(bytes.length, 8)),
  "a length that is too small": broken(good(3), (bytes) => bytes.writeInt32BE(bytes.length - 12 - 9, 8)),
  "length 0": broken(good(), (bytes) => bytes.writeInt32BE(0, 8)),
  "a negative length": broken(good(), (bytes) => bytes.writeInt32BE(-1, 8)),
  "two batches": Buffer.concat([good(), good(2)]),
  "a batch and a stray byte": Buffer.concat([good(), Buffer.from([0])]),
  "a base offset": broken(good(), (bytes) => bytes.writeBigInt64BE(77n, 0)),
  "a leader epoch": broken(good(), (bytes) => bytes.writeInt32BE(77, 12)),
  "more records counted than deltas": changed(good(2), (bytes) => bytes.writeInt32BE(3, 57)),
  "fewer records counted than there are": changed(good(3), (bytes) => {
    bytes.writeInt32BE(2, 57);
    bytes.writeInt32BE(1, 23);
  }),
  "no record counted": changed(good(), (bytes) => bytes.writeInt32BE(0, 57)),
  "a negative count": changed(good(), (bytes) => bytes.writeInt32BE(-1, 57)),
  "a last offset delta that skips": changed(good(2), (bytes) => bytes.writeInt32BE(4, 23)),
  "a negative last offset delta": changed(good(), (bytes) => bytes.writeInt32BE(-1, 23)),
  "a control batch": good(1, { isControl: true }),
  "a transactional batch without producer": good(1, { isTransactional: true }),
  "a transactional batch": good(1, { isTransactional: true, producer: { id: 770_900, epoch: 0, baseSequence: 0 } }),
  "compression 5": changed(good(), (bytes) => bytes.writeInt16BE(5, 21)),
  "gzip that is none": changed(good(), (bytes) => bytes.writeInt16BE(1, 21)),
  "attributes nobody defined": changed(good(), (bytes) => bytes.writeInt16BE(0x100, 21)),
  "a delete horizon": changed(good(), (bytes) => bytes.writeInt16BE(0x40, 21)),
  "log append time": changed(good(), (bytes) => bytes.writeInt16BE(0x08, 21)),
  "a producer without epoch": good(1, { producer: { id: 770_901, epoch: -1, baseSequence: 0 } }),
  "a producer without sequence": good(1, { producer: { id: 770_902, epoch: 0, baseSequence: -1 } }),
  "producer id -2": good(1, { producer: { id: -2, epoch: 0, baseSequence: 0 } }),
  "a sequence without producer": good(1, { producer: { id: -1, epoch: 0, baseSequence: 3 } }),
  "a negative timestamp": good(1, { records: [record("k", "v", -1)] }),
  "a timestamp below -1": good(1, { records: [record("k", "v", -2)] }),
  "a timestamp too late": good(1, { records: [record("k", "v", farFutureMs)] }),
  "a timestamp long ago": good(1, { records: [record("k", "v", farPastMs)] }),
  "a late record behind a good one": good(2, { records: [record("k", "v"), record("k", "v", farFutureMs)] }),
  "a max timestamp that no record has": changed(good(), (bytes) => bytes.writeBigInt64BE(BigInt(nowMs + 5), 35)),
  "a record that is too short": changed(good(), (bytes) => bytes.writeInt8(2, 61)),
  "a record that is too long": changed(good(), (bytes) => bytes.writeInt8(120, 61)),
  "a record of another offset": changed(good(2), (bytes) => {
    // The offset delta of the first record: behind its length, attributes and timestamp delta.
    bytes.writeInt8(4, 64);
  }),
};
