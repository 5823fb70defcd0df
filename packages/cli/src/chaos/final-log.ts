import { createAdmin, createConsumer } from "@odradek/client";
import type { History } from "@odradek/client/history";
import { readRecords } from "./payload.ts";

const pollMs = 200;
const readMsMax = 60_000;

/** A topic whose logs are read; `names` are its partitions' as the history has them. */
export type ReadTopic = { readonly bootstrap: string; readonly topic: string; readonly names: readonly string[] };

/** By partition, the offset behind the last record that can be read. */
export async function endsOf({ bootstrap, topic, names }: ReadTopic): Promise<number[]> {
  await using admin = createAdmin({ bootstrap });
  const partitions = names.map((_, partition) => ({ topic, partition }));
  const ends = await admin.listOffsets(partitions, "latest");
  return partitions.map(({ partition }) => ends.find((end) => end.partition === partition)!.offset);
}

/** Tells the history the whole logs up to `ends`, with a consumer that has seen nothing yet. */
export async function tellLogs(
  history: History,
  { bootstrap, topic, names }: ReadTopic,
  ends: readonly number[],
): Promise<void> {
  await using consumer = createConsumer({ bootstrap, clientId: "final" });
  consumer.assign(ends.map((_, partition) => ({ topic, partition, offset: "earliest" })));
  for (const name of names) history.log(name, []);
  const next = ends.map(() => 0);
  const deadlineMs = performance.now() + readMsMax;
  while (ends.some((end, partition) => next[partition]! < end)) {
    if (performance.now() > deadlineMs) throw new Error(`the logs could not be read to their ends in ${readMsMax} ms`);
    const batch = await consumer.next({ timeoutMs: pollMs });
    if (batch === null) continue;
    next[batch.partition] = batch.nextOffset;
    history.log(names[batch.partition]!, readRecords(batch));
  }
}
