import {
  type Batch,
  batchesIn,
  Compression,
  type CompressionCodec,
  type CompressionName,
  ErrorCode,
  errorName,
  ProtocolError,
  recompress,
  unpack,
  validateBatches,
} from "@odradek/protocol";

import type { TopicConfig } from "../config.ts";
import type { AppendOptions, RefusedRecord } from "./answers.ts";
import type { LocalReplica } from "./local-replica.ts";

/** Whether a leader takes what a producer sent, decided before anything is written. */
export type Admission =
  | {
      is: "admitted";
      /** What is to be stored: the bytes that came, unless the topic asks for another codec. */
      records: Buffer;
      batches: readonly Batch[];
      logAppendTimeMs: number;
    }
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
  const wrong = given.origin === "client" ? requestFault(batches) : null;
  if (wrong !== null) return wrong;
  for (const batch of batches) {
    const fault = sizeFault(batch, config) ?? timestampFault(batch, config, given.wallMs) ?? keyFault(batch, replica);
    if (fault !== null) return fault;
  }
  const sequence = sequenceOf(batches, replica);
  if (sequence !== null) return sequence;
  return stored({ records, batches }, config, given.wallMs);
}

/** The batches as the topic wants them: its timestamps and its codec. */
function stored(given: { records: Buffer; batches: readonly Batch[] }, config: TopicConfig, wallMs: number): Admission {
  const packing = packingOf(config);
  let { records, batches } = given;
  if (packing !== null && batches.some(({ compression }) => compression !== packing.codec)) {
    const packed = repacked(batches, packing);
    if (packed === null) return refused(ErrorCode.INVALID_RECORD, UNREADABLE);
    ({ records, batches } = packed);
    for (const batch of batches) {
      const fault = sizeFault(batch, config);
      if (fault !== null) return fault;
    }
  }
  const keepsTimes = config.messageTimestampType === "CreateTime";
  for (const batch of batches)
    if (!keepsTimes) batch.setLogAppendTime(wallMs);
    else if (batch.isLogAppendTime) batch.setCreateTime();
  return { is: "admitted", records, batches, logAppendTimeMs: keepsTimes ? -1 : wallMs };
}

type Packing = { readonly codec: CompressionCodec; readonly level: number | undefined };

/** The codec that compression.type asks for; null: each batch keeps its own. */
function packingOf({ compressionType, compressionLevels }: TopicConfig): Packing | null {
  if (compressionType === "producer") return null;
  const name = compressionType === "uncompressed" ? "none" : (compressionType as CompressionName);
  return { codec: Compression[name], level: compressionLevels[name] };
}

/** The batches in another codec; null: they can't be unpacked. */
function repacked(
  batches: readonly Batch[],
  { codec, level }: Packing,
): { records: Buffer; batches: readonly Batch[] } | null {
  return unlessUnreadable(() => {
    const records = Buffer.concat(
      batches.map((batch) => (batch.compression === codec ? batch.slice : recompress(batch, codec, level))),
    );
    return { records, batches: [...batchesIn(records)] };
  });
}

/** A producer sends one batch for a partition, and leaves its offsets to us: Kafka takes nothing else. */
function requestFault([batch, ...more]: readonly Batch[]): Admission | null {
  if (more.length > 0)
    return refused(ErrorCode.INVALID_RECORD, `${more.length + 1} batches; one is allowed for a partition`);
  if (batch!.baseOffset === 0) return null;
  return refused(ErrorCode.INVALID_RECORD, `base offset ${batch!.baseOffset}; a producer's is 0`);
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
  const isFar = (timestamp: number): boolean =>
    wallMs - timestamp > config.messageTimestampBeforeMaxMs || timestamp - wallMs > config.messageTimestampAfterMaxMs;
  const found = unlessUnreadable(() => unpack(batch)) ?? [];
  const records = found.flatMap(({ timestampDelta }, index) => {
    const timestamp = batch.baseTimestamp + timestampDelta;
    return isFar(timestamp) ? [{ index, message: `Timestamp ${timestamp} is too far from ${wallMs}` }] : [];
  });
  if (records.length > 0) return refusedFor(ErrorCode.INVALID_TIMESTAMP, records);
  return refused(ErrorCode.INVALID_TIMESTAMP, `timestamp ${batch.maxTimestamp} is too far from ${wallMs}`);
}

/** What Kafka tells of a batch with bad records at most, in its sentence. */
const RECORDS_TOLD_MAX = 3;

/** A compacted log keeps the newest record of each key, so each record needs one: those without are named (KIP-467). */
function keyFault(batch: Batch, replica: LocalReplica): Admission | null {
  if (!replica.config.cleanupPolicy.compact || batch.isControl) return null;
  const message = `Compacted topic cannot accept message without key in topic partition ${replica}`;
  const unpacked = unlessUnreadable(() => unpack(batch));
  if (unpacked === null) return refused(ErrorCode.INVALID_RECORD, UNREADABLE);
  const records = unpacked.flatMap(({ key }, index) => (key === null ? [{ index, message }] : []));
  return records.length === 0 ? null : refusedFor(ErrorCode.INVALID_RECORD, records);
}

/** Kafka's sentence about records that are to blame (KIP-467). */
function refusedFor(error: ErrorCode, records: readonly RefusedRecord[]): Refusal {
  const told = records
    .slice(0, RECORDS_TOLD_MAX)
    .map(({ index, message }) => `RecordError(batchIndex=${index}, message='${message}')`);
  const sentence = `One or more records have been rejected due to ${records.length} record errors in total, and only showing the first three errors at most: [${told.join(", ")}]`;
  return { ...refused(error, sentence), records };
}

const UNREADABLE = "the records of a batch can't be read";

/** Null: the checksum is right, what it covers is not (RELIABILITY N-15). */
function unlessUnreadable<T>(read: () => T): T | null {
  try {
    return read();
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
