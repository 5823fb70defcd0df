import { ErrorCode } from "../errors.ts";
import { Batch, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC } from "./batch.ts";
import { COMPRESSION_LAST } from "./compression/codec.ts";

/** Either the batches found, or the error code to answer and a sentence for the client. */
export type Validated =
  | { readonly is: "valid"; readonly batches: readonly Batch[] }
  | { readonly is: "invalid"; readonly errorCode: ErrorCode; readonly message: string };

const invalid = (errorCode: ErrorCode, message: string): Validated => ({ is: "invalid", errorCode, message });

/**
 * Checks record batches that stand back to back in `bytes`, to the last byte, without touching single records.
 * From a "client": magic 2, whole-batch checksum, counts and deltas that agree, no control batches (RELIABILITY N-15).
 * From a "leader": bytes as stored, so control batches and the gaps of compaction are legal, the checksum still decides.
 */
export function validateBatches(bytes: Buffer, from: "client" | "leader" = "client"): Validated {
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < BATCH_HEADER_BYTES) return invalid(ErrorCode.CORRUPT_MESSAGE, "a batch header is cut off");
    const batch = new Batch(bytes, at);
    const fault = faultOf(batch) ?? (from === "client" ? clientFaultOf(batch) : null);
    if (fault !== null) return fault;
    batches.push(batch);
    at = batch.next;
  }
  return batches.length === 0 ? invalid(ErrorCode.INVALID_RECORD, "no record batch") : { is: "valid", batches };
}

function faultOf(batch: Batch): Validated | null {
  const { magic } = batch;
  if (magic === 0 || magic === 1)
    return invalid(ErrorCode.INVALID_RECORD, `magic ${magic}; only batches of magic 2 are accepted`);
  if (magic !== MAGIC) return invalid(ErrorCode.CORRUPT_MESSAGE, `magic ${magic}`);
  if (batch.batchLength < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES)
    return invalid(ErrorCode.CORRUPT_MESSAGE, `batch length ${batch.batchLength}`);
  if (batch.next > batch.bytes.length) return invalid(ErrorCode.CORRUPT_MESSAGE, "a batch is cut off");
  if (batch.crc !== batch.computeCrc()) return invalid(ErrorCode.CORRUPT_MESSAGE, "the checksum does not match");
  if (batch.lastOffsetDelta < 0) return invalid(ErrorCode.INVALID_RECORD, `last offset delta ${batch.lastOffsetDelta}`);
  if (batch.compression > COMPRESSION_LAST)
    return invalid(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `compression ${batch.compression}`);
  if (!Number.isSafeInteger(batch.producerId)) return invalid(ErrorCode.INVALID_RECORD, "a producer id beyond 2^53");
  return null;
}

function clientFaultOf(batch: Batch): Validated | null {
  if (batch.isControl) return invalid(ErrorCode.INVALID_RECORD, "clients may not write control batches");
  if (batch.recordsCount < 1 || batch.recordsCount !== batch.lastOffsetDelta + 1) {
    return invalid(
      ErrorCode.INVALID_RECORD,
      `${batch.recordsCount} records, last offset delta ${batch.lastOffsetDelta}`,
    );
  }
  if (batch.producerId < -1) return invalid(ErrorCode.INVALID_RECORD, `producer id ${batch.producerId}`);
  if (batch.producerId >= 0 && (batch.producerEpoch < 0 || batch.baseSequence < 0)) {
    return invalid(
      ErrorCode.INVALID_RECORD,
      `producer epoch ${batch.producerEpoch}, base sequence ${batch.baseSequence}`,
    );
  }
  if (batch.isTransactional && batch.producerId < 0)
    return invalid(ErrorCode.INVALID_RECORD, "a transactional batch without producer id");
  return null;
}
