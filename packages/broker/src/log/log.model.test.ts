import { describe, expect, test } from "vitest";
import { integerBelow, type Random } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { batchesIn, buildBatch } from "@odradek/protocol";
import { LogFixture, memoryFiles } from "../testing/log-fixture.ts";

type Entry = { offset: number; value: string; epoch: number; sequence: number };

/** What a log should hold, told as simply as possible. */
class Model {
  entries: Entry[] = [];
  end = 0;
  epoch = 0;
  nextValue = 0;
}

const PRODUCER = 77;

async function append(at: LogFixture, model: Model, random: Random): Promise<void> {
  const count = 1 + integerBelow(random, 4);
  const sequence = (model.entries.at(-1)?.sequence ?? -1) + 1;
  const fresh = Array.from({ length: count }, (_, index) => ({
    offset: model.end + index,
    value: `${model.nextValue++}`.padEnd(integerBelow(random, 80)),
    epoch: model.epoch,
    sequence: sequence + index,
  }));
  const records = buildBatch({
    records: fresh.map(({ value }) => ({ value: Buffer.from(value), timestamp: 1000 + integerBelow(random, 1000) })),
    producer: { id: PRODUCER, epoch: 0, baseSequence: sequence },
    compression: random.next() < 0.2 ? "gzip" : "none",
  });
  at.append(records, model.epoch);
  model.entries.push(...fresh);
  model.end += count;
}

/** Truncates at a batch boundary, as replication does. */
async function truncate(at: LogFixture, model: Model, random: Random): Promise<void> {
  await at.tick();
  const boundaries = Array.from(at.log.batches(at.log.start), (batch) => batch.baseOffset);
  const offset = boundaries[integerBelow(random, boundaries.length)] ?? model.end;
  at.log.truncateTo(offset);
  model.entries = model.entries.filter((entry) => entry.offset < offset);
  model.end = offset;
  model.epoch++; // whoever truncates follows a new leader
}

function compare(at: LogFixture, model: Model, random: Random): void {
  expect(at.log.end).toBe(model.end);
  const got = [...at.records(at.log.start, 50 + integerBelow(random, 600))];
  const wanted = model.entries.filter((entry) => entry.offset >= at.log.start);
  expect(got.map(({ offset, value }) => [offset, String(value)])).toEqual(
    wanted.map(({ offset, value }) => [offset, value]),
  );
  for (let probes = 0; probes < 3 && wanted.length > 0; probes++) {
    const entry = wanted[integerBelow(random, wanted.length)]!;
    expect(String([...at.records(entry.offset, 100)][0]?.value)).toBe(entry.value);
    expect(at.derived.epochs.epochOf(entry.offset)).toBe(entry.epoch);
  }
  const last = model.entries.at(-1);
  if (last === undefined) return;
  const next = buildBatch({
    records: [{ value: null }],
    producer: { id: PRODUCER, epoch: 0, baseSequence: last.sequence + 1 },
  });
  expect(at.derived.producers.check([...batchesIn(next)][0]!)).toEqual({ is: "next" });
}

async function restart(at: LogFixture, how: "kill" | "close", files: ReturnType<typeof memoryFiles>): Promise<void> {
  await at.tick();
  const recoveryPoint = at.log.synced;
  if (how === "close") await at.log.close();
  else files.kill();
  await at.reopen({ cleanShutdown: how === "close", recoveryPoint });
}

describe("log against its model", () => {
  test("L-14, L-15, L-16: appends, rolls, truncations and restarts in any order", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const files = memoryFiles(seed);
      const at = await LogFixture.open(
        { segmentBytes: 300 + integerBelow(random, 2000), indexIntervalBytes: 100 },
        files,
      );
      const model = new Model();
      for (let step = 0; step < 120; step++) {
        const choice = random.next();
        if (choice < 0.7) await append(at, model, random);
        else if (choice < 0.78) await truncate(at, model, random);
        else if (choice < 0.82) await restart(at, random.next() < 0.5 ? "kill" : "close", files);
        else if (choice < 0.86) model.epoch++;
        else if (choice < 0.9) await at.log.flush();
        else {
          await at.tick();
          compare(at, model, random);
        }
      }
      await at.tick();
      compare(at, model, random);
    }
  });

  test("L-01, L-04, L-05: after power loss at any moment the log is whole and holds all that was synced", async () => {
    let lost = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const random = new SeededRandom(seed);
      const files = memoryFiles(seed);
      const at = await LogFixture.open(
        { segmentBytes: 300 + integerBelow(random, 1000), indexIntervalBytes: 100 },
        files,
      );
      const model = new Model();
      for (let life = 0; life < 4; life++) {
        for (let steps = integerBelow(random, 40); steps > 0; steps--) {
          const choice = random.next();
          if (choice < 0.75) await append(at, model, random);
          else if (choice < 0.85) void at.log.flush().catch(() => undefined);
          else if (choice < 0.95) await at.tick();
          else await at.log.flush();
        }
        const synced = at.log.synced;
        files.crash();
        await at.log.abandon(); // of a dead process nothing goes on
        await at.reopen({ recoveryPoint: synced });
        expect(at.log.end, `seed ${seed} life ${life}`).toBeGreaterThanOrEqual(synced);
        lost += model.end - at.log.end;
        model.entries = model.entries.filter((entry) => entry.offset < at.log.end);
        model.end = at.log.end;
        model.epoch++;
        compare(at, model, random);
      }
    }
    expect(lost, "the disk did lose something").toBeGreaterThan(50);
  });
});
