import { randomBytes } from "node:crypto";
import { assembleBatch, Batch, BATCH_HEADER_BYTES, type RequestDraft } from "@odradek/protocol";
import { FetchApi } from "@odradek/protocol/messages/fetch";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import type { Conversation } from "./load.ts";
import { type Address, ask, readResponse, requestBytes } from "./wire.ts";

/** One row of a table: how large requests are, how they are cut into partitions, how they are sent. */
export type Shape = { name: string; partitions: number; batchBytes: number; connections: number; depth: number };

const KiB = 1024;
const shape = (name: string, partitions: number, batchBytes: number, connections: number, depth: number): Shape => ({
  name,
  partitions,
  batchBytes,
  connections,
  depth,
});

// A batch of 1 MiB must stay below Kafka's default max.message.bytes, 1 MiB and 12 bytes.
export const produceShapes: Shape[] = [
  shape("1m", 1, 1024 * KiB, 1, 4),
  shape("1m", 1, 1024 * KiB, 8, 2),
  shape("10x100k", 10, 100 * KiB, 1, 4),
  shape("10x100k", 10, 100 * KiB, 8, 2),
  shape("64x16k", 64, 16 * KiB, 1, 4),
  shape("16k", 1, 16 * KiB, 8, 8),
  shape("16k", 1, 16 * KiB, 32, 8),
  shape("1k", 1, KiB, 1, 1),
];

export const fetchShapes: Shape[] = [shape("1m", 1, 64 * KiB, 1, 1), shape("1m", 1, 64 * KiB, 4, 2)];

export const labelOf = (row: Shape): string => `${row.name} ${row.connections}x${row.depth}`;

/** One batch of records with random values of `recordBytes` each, as many as fit into `batchBytes`. */
export function batchOf(batchBytes: number, recordBytes: number): { bytes: Buffer; records: number } {
  const record = (offset: number): Buffer => {
    const body = Buffer.concat([
      Buffer.from([0, 0]),
      zigzag(offset),
      zigzag(-1),
      zigzag(recordBytes),
      randomBytes(recordBytes),
      zigzag(0),
    ]);
    return Buffer.concat([zigzag(body.length), body]);
  };
  const records: Buffer[] = [];
  let left = batchBytes - BATCH_HEADER_BYTES;
  for (let next = record(0); records.length === 0 || next.length <= left; next = record(records.length)) {
    records.push(next);
    left -= next.length;
  }
  const now = Date.now();
  const header = {
    baseOffset: 0,
    partitionLeaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: records.length - 1,
    baseTimestamp: now,
    maxTimestamp: now,
  };
  const bytes = assembleBatch(
    { ...header, producerId: -1, producerEpoch: -1, baseSequence: -1, recordsCount: records.length },
    Buffer.concat(records),
  );
  return { bytes, records: records.length };
}

function zigzag(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** The request of a shape, built once, and how many records it carries. */
export function produceRequest(
  row: Shape,
  topic: string,
  acks: -1 | 1,
  recordBytes: number,
): { request: RequestDraft<typeof ProduceApi>; bytes: Buffer; records: number } {
  const partitions = Array.from({ length: row.partitions }, (_, index) => ({
    index,
    batch: batchOf(row.batchBytes, recordBytes),
  }));
  const partitionData = partitions.map(({ index, batch }) => ({ index, records: batch.bytes }));
  const request = { transactionalId: null, acks, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
  return {
    request,
    bytes: requestBytes(ProduceApi, 9, request),
    records: partitions.reduce((sum, { batch }) => sum + batch.records, 0),
  };
}

/** Sends the request until every partition takes it: a broker may answer Metadata before it leads. */
export async function settle(leader: Address, request: RequestDraft<typeof ProduceApi>): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const { responses } = await ask(leader, ProduceApi, 9, request);
    const errors = responses
      .flatMap((topic) => topic.partitionResponses.map((one) => one.errorCode))
      .filter((code) => code !== 0);
    if (errors.length === 0) return;
    if (Date.now() > deadlineMs) throw new Error(`produce is still answered with error ${errors[0]}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

/** Sends the same request again and again; the first answers are read whole, so that an error is noticed. */
export function produceConversation(bytes: Buffer): Conversation {
  let answers = 0;
  return {
    next: () => bytes,
    answered: (response) => {
      if (answers++ % 64 === 0)
        for (const topic of readResponse(ProduceApi, 9, response).responses)
          for (const partition of topic.partitionResponses)
            if (partition.errorCode !== 0) throw new Error(`produce was answered with error ${partition.errorCode}`);
      return bytes.length;
    },
  };
}

/** Walks a partition from its start, over and over. With several requests in flight each goes its own way. */
export function fetchConversation(topic: string, bytesMax: number, end: number): Conversation {
  let offset = 0;
  return {
    next: () =>
      requestBytes(FetchApi, 11, {
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: bytesMax,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: bytesMax }] }],
      }),
    answered: (response) => {
      const partition = readResponse(FetchApi, 11, response).responses[0]!.partitions[0]!;
      if (partition.errorCode !== 0) throw new Error(`fetch was answered with error ${partition.errorCode}`);
      const records = partition.records ?? Buffer.alloc(0);
      let at = 0;
      while (at + BATCH_HEADER_BYTES <= records.length) {
        const batch = new Batch(records, at);
        if (batch.next > records.length) break;
        offset = batch.nextOffset;
        at = batch.next;
      }
      if (offset >= end) offset = 0;
      return at; // the last batch may be cut off, and comes again with the next fetch
    },
  };
}
