import { type Batch, ErrorCode, errorName, ProtocolError, unpack, validateBatches } from "@odradek/protocol";

import type { TopicConfig } from "../config.ts";
import type { AppendOptions, RefusedRecord } from "./answers.ts";
import type { LocalReplica } from "./local-replica.ts";

/** Whether a leader takes what a producer sent, decided before anything is written. */
export type Admission =
  | { is: "admitted"; batches: readonly Batch[]; logAppendTimeMs: number }
  | { is: "duplicate"; baseOffset: number; lastOffset: number; timestamp: number }
  | Refusal;
type Refusal = { is: "refused"; error: number; message: string; records?: readonly RefusedRecord[] };

const refused = (error: number, message: string): Refusal => ({ is: "refused", error, message });

/** Checks what stands in `records`: form and checksum, size, timestamps, keys on compacted topics, and the producer's sequence. */
export function admit(
  records: Buffer,
  replica: LocalReplica,
  given: Pick<AppendOptions, "origin"> & { wallMs: number },
): Admission {
  const validated = validateBatches(records, given.origin === "client" ? "client" : "leader");
  if (validated.is === "invalid") return refused(validated.errorCode, validated.message);
  const { batches } = validated;
  const { config } = replica;
  for (const batch of batches) {
    const fault = sizeFault(batch, config) ?? timestampFault(batch, config, given.wallMs) ?? keyFault(batch, replica);
    if (fault !== null) return fault;
  }
  const sequence = sequenceOf(batches, replica);
  if (sequence !== null) return sequence;
  if (config.messageTimestampType === "CreateTime") return { is: "admitted", batches, logAppendTimeMs: -1 };
  for (const batch of batches) batch.setLogAppendTime(given.wallMs);
  return { is: "admitted", batches, logAppendTimeMs: given.wallMs };
}

function sizeFault(batch: Batch, config: TopicConfig): Admission | null {
  if (batch.size <= config.maxMessageBytes) return null;
  return refused(ErrorCode.MESSAGE_TOO_LARGE, `a batch of ${batch.size} bytes; at most ${config.maxMessageBytes}`);
}

function timestampFault(batch: Batch, config: TopicConfig, wallMs: number): Admission | null {
  if (config.messageTimestampType !== "CreateTime" || batch.maxTimestamp < 0) return null;
  const early = wallMs - batch.maxTimestamp > config.messageTimestampBeforeMaxMs;
  const late = batch.maxTimestamp - wallMs > config.messageTimestampAfterMaxMs;
  if (!early && !late) return null;
  return refused(ErrorCode.INVALID_TIMESTAMP, `timestamp ${batch.maxTimestamp} is too far from ${wallMs}`);
}

/** What Kafka tells of a batch with bad records at most, in its sentence. */
const RECORDS_TOLD_MAX = 3;

/** A compacted log keeps the newest record of each key, so each record needs one: those without are named (KIP-467). */
function keyFault(batch: Batch, replica: LocalReplica): Admission | null {
  if (!replica.config.cleanupPolicy.compact || batch.isControl) return null;
  const message = `Compacted topic cannot accept message without key in topic partition ${replica}`;
  const keys = keysOf(batch);
  if (keys === null) return refused(ErrorCode.INVALID_RECORD, "the records of a batch can't be read");
  const records = keys.flatMap((key, index) => (key === null ? [{ index, message }] : []));
  if (records.length === 0) return null;
  const told = records
    .slice(0, RECORDS_TOLD_MAX)
    .map(({ index }) => `RecordError(batchIndex=${index}, message='${message}')`);
  const sentence = `One or more records have been rejected due to ${records.length} record errors in total, and only showing the first three errors at most: [${told.join(", ")}]`;
  return { ...refused(ErrorCode.INVALID_RECORD, sentence), records };
}

/** Null: the checksum is right, what it covers is not (RELIABILITY N-15). */
function keysOf(batch: Batch): (Buffer | null)[] | null {
  try {
    return unpack(batch).map(({ key }) => key);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function sequenceOf(batches: readonly Batch[], replica: LocalReplica): Admission | null {
  for (const batch of batches) {
    if (batch.producerId < 0 || batch.isControl) continue;
    if (batches.length > 1)
      return refused(ErrorCode.INVALID_RECORD, "an idempotent producer sends one batch at a time");
    const sequence = replica.derived.producers.check(batch);
    if (sequence.is === "duplicate") return sequence;
    if (sequence.is === "refused") {
      const { producerId, producerEpoch, baseSequence } = batch;
      const told = `producer ${producerId} epoch ${producerEpoch} sequence ${baseSequence}: ${errorName(sequence.error)}`;
      return refused(sequence.error, told);
    }
  }
  return null;
}
