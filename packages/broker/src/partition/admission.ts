import { type Batch, ErrorCode, errorName, readBatch, validateBatches } from "@odradek/protocol";

import type { TopicConfig } from "../config.ts";
import type { AppendOptions } from "./answers.ts";
import type { LocalReplica } from "./local-replica.ts";

/** Whether a leader takes what a producer sent, decided before anything is written. */
export type Admission =
  | { is: "admitted"; batches: readonly Batch[]; logAppendTimeMs: number }
  | { is: "duplicate"; baseOffset: number; lastOffset: number; timestamp: number }
  | { is: "refused"; error: number; message: string };

const refused = (error: number, message: string): Admission => ({ is: "refused", error, message });

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
    const fault = sizeFault(batch, config) ?? timestampFault(batch, config, given.wallMs) ?? keyFault(batch, config);
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

/** A compacted log keeps the newest record of each key, so each record needs one. */
function keyFault(batch: Batch, config: TopicConfig): Admission | null {
  if (!config.cleanupPolicy.compact || batch.isControl) return null;
  const index = readBatch(batch).findIndex((record) => record.key === null);
  return index < 0 ? null : refused(ErrorCode.INVALID_RECORD, `record ${index} has no key, and the topic is compacted`);
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
