import type { ConsumedBatch } from "@odradek/client";
import type { ReadRecord } from "@odradek/client/history";

const bytes = 100;

/** The bytes of a record that carries a value of the history. Values count anew in each partition, so its number goes with them. */
export const payloadOf = (partition: number, value: number): string => `${partition} ${value}`.padEnd(bytes);

/** The values that records carry; -1 for one that is not as we wrote it into this partition. */
export function readRecords({ partition, records }: Pick<ConsumedBatch, "partition" | "records">): ReadRecord[] {
  return records.map(({ offset, value }) => {
    const carried = Number(value?.toString("latin1").split(" ")[1]);
    const isOurs = value?.equals(Buffer.from(payloadOf(partition, carried))) ?? false;
    return { offset, value: isOurs ? carried : -1 };
  });
}
