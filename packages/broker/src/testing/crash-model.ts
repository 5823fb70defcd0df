import { assert } from "@odradek/kit";
import { Batch, batchesIn, readBatch } from "@odradek/protocol";

import type { Log } from "../log/log.ts";
import type { DerivedPartitionState } from "../partition/derived-partition-state.ts";

/** A batch as it stands in a log, without the log: what a crash may keep or take. */
export type Entry = {
  readonly base: number;
  readonly last: number;
  readonly epoch: number;
  readonly crc: number;
  readonly timestamp: number;
  readonly producerId: number;
  readonly lastSequence: number;
  readonly pairs: readonly { offset: number; key: string; value: string | null }[];
};

/** What is known of a log in the moment of a crash. */
export type Known = {
  readonly topic: string;
  readonly topicId: string;
  readonly isCompacted: boolean;
  /** All that was appended and not truncated; compaction and retention leave it as it is. */
  readonly live: readonly Entry[];
  /** What it was before truncations that may not be on stable storage yet. */
  readonly past: readonly (readonly Entry[])[];
  /** The highest that the log's start can be now. */
  readonly startMax: number;
  /** Below: on stable storage. */
  readonly synced: number;
  /** Below: in the page cache. A truncation under way may already have taken what is above `synced`. */
  readonly stored: number;
  readonly isChanging: boolean;
};

export type Recovered = { log: Log; derived: DerivedPartitionState };

const pairOf = (text: Buffer | null): string | null => (text === null ? null : String(text));

export function entryOf(batch: Batch): Entry {
  const { baseOffset: base, lastOffset: last, partitionLeaderEpoch: epoch, crc, maxTimestamp } = batch;
  const { producerId, lastSequence } = batch;
  const pairs = readBatch(new Batch(Buffer.from(batch.slice))).map(({ offset, key, value }) => {
    return { offset, key: String(key), value: pairOf(value) };
  });
  return { base, last, epoch, crc, timestamp: maxTimestamp, producerId, lastSequence, pairs };
}

/** All of a log, read as replicas and consumers read it. */
export function entriesOf(log: Log): Entry[] {
  const entries: Entry[] = [];
  for (let from = log.start; ;) {
    const read = log.read(from, { bytesMax: 400, upTo: log.end, oneBatchAtLeast: true });
    if (read === null) return entries;
    for (const batch of batchesIn(read.records)) entries.push(entryOf(batch));
    from = read.nextOffset;
    read.release();
  }
}

/** Says what is wrong with a log that came back from a crash of the process or of the power; throws. */
export function checkRecovered(known: Known, { log, derived }: Recovered, how: "kill" | "power"): void {
  const entries = entriesOf(log);
  const end = entries.at(-1)?.last ?? log.start - 1;
  assert(end + 1 === log.end, `ends at ${log.end} behind a batch that ends at ${end}`);
  assert(log.start <= known.startMax, `starts at ${log.start}, above ${known.startMax}`);
  if (known.isCompacted) checkCompacted(known, entries, log);
  else checkPlain(known, entries, log);
  const least = how === "kill" && !known.isChanging ? known.stored : known.synced;
  const kept = known.live.findLast(({ last }) => last < least);
  if (kept !== undefined) assert(log.end > kept.last, `ends at ${log.end}: lost what was safe up to ${kept.last}`);
  // What was below the start once may come back, without its epochs.
  const readable = entries.filter(({ base }) => base >= known.startMax);
  checkDerived(readable, derived);
  const ahead = derived.epochs.entries.find(({ start }) => start >= log.end && start > log.start);
  assert(ahead === undefined, `epoch ${ahead?.epoch} begins at ${ahead?.start}, where the log has no record`);
  checkIndexes(entries, log);
}

/** One of the logs that there have been, up to some batch; what was safe is in it. */
function checkPlain({ live, past, synced }: Known, entries: readonly Entry[], log: Log): void {
  const isPartOf = (version: readonly Entry[]): boolean => {
    const from = version.findIndex(({ last }) => last >= log.start);
    return entries.every((entry, index) => same(entry, version[from + index]));
  };
  assert(entries.length === 0 || [live, ...past].some(isPartOf), `is no log that there has been: ${told(entries)}`);
  for (const safe of live.filter(({ base, last }) => base >= log.start && last < synced))
    assert(
      entries.some((entry) => same(entry, safe)),
      `lost the batch at ${safe.base}, which was safe`,
    );
}

/** Every record is one that was written there, and each key has the value that the writes up to the end give it. */
function checkCompacted({ live }: Known, entries: readonly Entry[], log: Log): void {
  const written = new Map(live.flatMap(({ pairs }) => pairs).map((pair) => [pair.offset, pair]));
  const [view, wanted] = [new Map<string, string | null>(), new Map<string, string | null>()];
  for (const { offset, key, value } of entries.flatMap(({ pairs }) => pairs)) {
    const pair = written.get(offset);
    assert(pair?.key === key && pair.value === value, `the record at ${offset} was never written there`);
    view.set(key, value);
  }
  for (const { offset, key, value } of written.values()) if (offset < log.end) wanted.set(key, value);
  for (const [key, value] of wanted) assert(view.get(key) === value, `${key} is ${view.get(key)} and not ${value}`);
}

/** Leader epochs and producer states say what the batches say. */
function checkDerived(entries: readonly Entry[], derived: DerivedPartitionState): void {
  const lasts = new Map<number, Entry>();
  for (const entry of entries) {
    const epoch = derived.epochOf(entry.base);
    assert(epoch === entry.epoch, `epoch ${epoch} instead of ${entry.epoch} at ${entry.base}`);
    if (entry.producerId >= 0) lasts.set(entry.producerId, entry);
  }
  const states = new Map([...derived.producers.states()].map((state) => [state.id, state.lastSequence]));
  for (const { producerId, lastSequence } of lasts.values()) {
    const known = states.get(producerId);
    assert(known === lastSequence, `producer ${producerId} ends with ${known} instead of ${lastSequence}`);
  }
}

/** Looking up is as good as reading it all. */
function checkIndexes(entries: readonly Entry[], log: Log): void {
  for (const { base, last } of entries) {
    const read = log.read(last, { bytesMax: 1, upTo: log.end, oneBatchAtLeast: true });
    assert(read !== null && [...batchesIn(read.records)][0]?.baseOffset === base, `offset ${last} is not found`);
    read.release();
  }
  for (const { timestamp } of entries) {
    const first = entries.find((entry) => entry.pairs.length > 0 && entry.timestamp >= timestamp);
    const found = log.times.firstSince(timestamp)?.offset ?? -1;
    const isIn = first === undefined ? found === -1 : found >= first.base && found <= first.last;
    assert(isIn, `time ${timestamp} leads to ${found} instead of ${first?.base}`);
  }
}

const same = (one: Entry, other: Entry | undefined): boolean =>
  one.base === other?.base && one.last === other.last && one.epoch === other.epoch && one.crc === other.crc;

const told = (entries: readonly Entry[]): string =>
  entries.map(({ base, last, epoch }) => `${base}-${last}@${epoch}`).join(" ");
