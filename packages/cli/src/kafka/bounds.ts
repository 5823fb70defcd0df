import type { Admin } from "@odradek/client";
import { Failure } from "../terminal/failure.ts";
import type { Start } from "./offsets.ts";

export type Place = { topic: string; partition: number };
type Found = Place & { offset: number };

/** From where to where a partition is read; `outside` says what its log has when the offset asked for is not in it. */
export type Bounds = Place & { start: number; end: number; outside: string | null };

/** Partitions named in a failure; further ones are only counted. */
const namedMax = 5;

/** Where to begin in every partition that ended at `ends` when we looked. */
export async function findBounds(admin: Admin, ends: readonly Found[], start: Start): Promise<Bounds[]> {
  const at = start.is === "time" ? { timestamp: start.timestamp } : "earliest";
  const found = await admin.listOffsets(ends, at);
  return ends.map(({ topic, partition, offset: end }) => {
    const first = offsetAt(found, { topic, partition }) ?? 0;
    return { topic, partition, end, ...beginAt(start, first, end) };
  });
}

/** `first` is the earliest offset or, when a time was asked, the first record that young (-1: none is). */
export function beginAt(start: Start, first: number, end: number): { start: number; outside: string | null } {
  switch (start.is) {
    case "start":
      return { start: first, outside: null };
    case "end":
      return { start: end, outside: null };
    case "last":
      return { start: Math.max(first, end - start.count), outside: null };
    case "time":
      return { start: first < 0 ? end : first, outside: null };
    case "offset": {
      const { offset } = start;
      const isInside = offset >= first && offset <= end; // the end is the next record's
      const has = first === end ? `is empty at offset ${end}` : `has offsets ${first} to ${end - 1}`;
      return { start: Math.min(end, Math.max(first, offset)), outside: isInside ? null : has };
    }
  }
}

/**
 * A notice for every partition that does not have the offset asked for. Throws when none has it: a client that asks Kafka
 * for such an offset is sent to where its reset policy says, which nobody who typed a number has meant.
 */
export function noticesOf(bounds: readonly Bounds[], asked: string): string[] {
  const outside = bounds.filter((each) => each.outside !== null);
  const words = outside.map((each) => `${each.topic}-${each.partition} ${each.outside}`);
  if (outside.length > 0 && outside.length === bounds.length) {
    const more = words.length > namedMax ? `; ${words.length - namedMax} more` : "";
    throw new Failure("notFound", `there is no offset ${asked}: ${words.slice(0, namedMax).join("; ")}${more}`);
  }
  return words.map((text, at) => `no offset ${asked}: ${text}; reading from ${outside[at]!.start}`);
}

export const offsetAt = (found: readonly Found[], { topic, partition }: Place): number | null =>
  found.find((each) => each.topic === topic && each.partition === partition)?.offset ?? null;
