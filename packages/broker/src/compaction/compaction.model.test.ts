import { describe, expect, test } from "vitest";
import { integerBelow, type Random } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { Batch, buildBatch } from "@odradek/protocol";
import { CompactedLog } from "../testing/compaction-fixture.ts";
import { memoryFiles } from "../testing/log-fixture.ts";

type Entry = { offset: number; key: string; value: string | null; atMs: number };

const DELETE_RETENTION_MS = 10_000;
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** Everything that was ever appended and not truncated, and how far each producer has come. */
class Model {
  entries: Entry[] = [];
  sequences = [0, 0, 0];

  newest(): Map<string, Entry> {
    return new Map(this.entries.map((entry) => [entry.key, entry]));
  }
}

async function put(words: CompactedLog, model: Model, random: Random): Promise<void> {
  const count = 1 + integerBelow(random, 4);
  const entries = Array.from({ length: count }, () => {
    const value = random.next() < 0.2 ? null : `${random.next()}`.padEnd(integerBelow(random, 120));
    return [`k${integerBelow(random, 25)}`, value] as const;
  });
  const id = integerBelow(random, 4);
  const sequenced = { producer: { id, epoch: 0, baseSequence: model.sequences[id]! } };
  const compression = codecs[integerBelow(random, codecs.length)]!;
  const base = words.put(entries, { compression, ...(id < 3 ? sequenced : {}) });
  if (id < 3) model.sequences[id]! += count;
  const atMs = words.at.clock.wallMs();
  model.entries.push(...entries.map(([key, value], index) => ({ offset: base + index, key, value, atMs })));
  await words.at.tick();
}

/** A reader sees the newest record of each key; what else it sees was written just so; a tombstone is only missed when it is old enough. */
function compare(words: CompactedLog, model: Model, seed: number): void {
  const wanted = model.newest();
  const written = new Map(model.entries.map((entry) => [entry.offset, entry]));
  const seen = new Map<string, string | null>();
  for (const { offset, key, value } of words.entries()) {
    expect([seed, offset, key, value]).toEqual([seed, offset, written.get(offset)?.key, written.get(offset)?.value]);
    seen.set(key!, value);
  }
  for (const [key, { value, atMs }] of wanted) {
    const mayBeGone = value === null && words.at.clock.wallMs() - atMs >= DELETE_RETENTION_MS;
    if (!mayBeGone || seen.has(key)) expect([seed, key, seen.get(key)]).toEqual([seed, key, value]);
  }
}

async function restart(words: CompactedLog, random: Random, files: ReturnType<typeof memoryFiles>): Promise<void> {
  const recoveryPoint = words.log.synced;
  const isClean = random.next() < 0.5;
  if (isClean) await words.log.close();
  else files.kill();
  await words.at.reopen({ cleanShutdown: isClean, recoveryPoint });
}

/** What the log alone says of the producers, when all that is kept beside it is lost. */
function checkSequences(words: CompactedLog, model: Model, seed: number): void {
  const { derived } = words.at;
  derived.restore(null);
  for (const batch of words.log.batches(0)) derived.batch(batch);
  for (const [id, sequence] of model.sequences.entries()) {
    if (sequence === 0) continue;
    const verdict = (baseSequence: number): string =>
      derived.producers.check(
        new Batch(buildBatch({ records: [{ value: null }], producer: { id, epoch: 0, baseSequence } })),
      ).is;
    expect([seed, id, verdict(sequence), verdict(sequence + 1)]).toEqual([seed, id, "next", "refused"]);
  }
}

describe("compaction against its model", { timeout: 60_000 }, () => {
  test("L-19: the compacted view is the map of last values, whatever happens in between, and sequences go on", async () => {
    let left = 0;
    let appended = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const random = new SeededRandom(seed);
      const files = memoryFiles(seed);
      const segmentBytes = 300 + integerBelow(random, 2000);
      const words = await CompactedLog.open(
        { segmentBytes, deleteRetentionMs: DELETE_RETENTION_MS, fileDeleteDelayMs: 0 },
        files,
      );
      words.mapBytesMax = random.next() < 0.3 ? 33_500 : 1024 * 1024;
      const model = new Model();
      for (let step = 0; step < 150; step++) {
        const choice = random.next();
        if (choice < 0.75) await put(words, model, random);
        else if (choice < 0.85) await words.compact();
        else if (choice < 0.93) await words.at.clock.advance(integerBelow(random, DELETE_RETENTION_MS));
        else if (choice < 0.97) await restart(words, random, files);
        else compare(words, model, seed);
      }
      await words.compact();
      compare(words, model, seed);
      left += words.entries().length;
      appended += model.entries.length;
      checkSequences(words, model, seed);
    }
    expect(left).toBeLessThan(appended / 2);
  });
});
