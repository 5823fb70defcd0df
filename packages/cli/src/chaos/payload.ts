import type { ConsumedBatch } from "@odradek/client";
import type { ReadRecord } from "@odradek/client/history";

const bytes = 100;

/** The bytes of a record that carries a value of the history. */
export const payloadOf = (value: number): string => String(value).padEnd(bytes);

/** The values that records carry; -1 for one that is not as we wrote it. */
export function readRecords({ records }: ConsumedBatch): ReadRecord[] {
  return records.map(({ offset, value }) => {
    const text = value?.toString("latin1") ?? "";
    const isOurs = text.length === bytes && /^\d+ *$/.test(text);
    return { offset, value: isOurs ? Number(text) : -1 };
  });
}
