import type { CompressionName } from "@odradek/protocol";
import type { ClusterOptions } from "../cluster/options.ts";

export type Acks = "all" | 1 | 0;

export type ProducerOptions = ClusterOptions & {
  readonly acks?: Acks;
  /** Retries never write a record twice. Needs acks "all". */
  readonly isIdempotent?: boolean;
  readonly compression?: CompressionName;
  /** How long a batch that is not full waits for more. */
  readonly lingerMs?: number;
  readonly batchBytesMax?: number;
  /** Bytes of records that may wait; `send` waits for room. */
  readonly bufferBytesMax?: number;
  /** From `send` to the answer, retries included. */
  readonly deliveryTimeoutMs?: number;
};

export type ProducerSettings = {
  readonly acks: -1 | 1 | 0;
  readonly isIdempotent: boolean;
  readonly compression: CompressionName;
  readonly lingerMs: number;
  readonly batchBytesMax: number;
  readonly bufferBytesMax: number;
  readonly deliveryTimeoutMs: number;
  readonly requestTimeoutMs: number;
};

const acksCodes: { readonly [acks in Acks]: ProducerSettings["acks"] } = { all: -1, 1: 1, 0: 0 };
const compressions: readonly CompressionName[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/** Throws RangeError on options that contradict each other, or that plain JavaScript has let through. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const { acks: wanted = "all", compression = "none" } = options;
  const acks = acksCodes[wanted];
  if (acks === undefined) throw new RangeError(`acks: "all", 1 or 0, not ${String(wanted)}`);
  if (!compressions.includes(compression))
    throw new RangeError(`compression: ${compressions.join(", ")}, not ${String(compression)}`);
  const isIdempotent = options.isIdempotent ?? acks === -1;
  if (isIdempotent && acks !== -1) throw new RangeError('an idempotent producer needs acks "all"');
  return {
    acks,
    isIdempotent,
    compression,
    lingerMs: options.lingerMs ?? 5,
    batchBytesMax: options.batchBytesMax ?? 256 * 1024,
    bufferBytesMax: options.bufferBytesMax ?? 64 * 1024 * 1024,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
  };
}
