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

/** Throws RangeError on options that contradict each other. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const acks = options.acks === 1 || options.acks === 0 ? options.acks : -1;
  const isIdempotent = options.isIdempotent ?? acks === -1;
  if (isIdempotent && acks !== -1) throw new RangeError('an idempotent producer needs acks "all"');
  return {
    acks,
    isIdempotent,
    compression: options.compression ?? "none",
    lingerMs: options.lingerMs ?? 5,
    batchBytesMax: options.batchBytesMax ?? 256 * 1024,
    bufferBytesMax: options.bufferBytesMax ?? 64 * 1024 * 1024,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
  };
}
