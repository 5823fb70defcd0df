import fc from "fast-check";
import { expect, test } from "vitest";
import { integerBelow } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { judgeRun, legalRun, type Run, type Step } from "../testing/legal-run.ts";
import { type AnomalyName, History } from "./history.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const anomaliesOf = (run: Run): AnomalyName[] => judgeRun(run).anomalies.map(({ name }) => name);

test("a log that keeps its promises shows no anomaly, whatever its clients do", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const { anomalies, counts } = judgeRun(legalRun(seed, 400));
      expect(anomalies).toEqual([]);
      expect(counts.acknowledged).toBeGreaterThan(20);
    }),
    { numRuns: 100 },
  );
});

type Of<Is extends Step["is"]> = Extract<Step, { is: Is }>;
const ofKind = <Is extends Step["is"]>(run: Run, is: Is): Of<Is>[] =>
  run.steps.filter((step) => step.is === is) as Of<Is>[];

/** Each does one wrong to a run; null when this run gives no occasion. */
const injuries: Record<
  string,
  { shows: AnomalyName; injure(run: Run, pick: <T>(list: T[]) => T | undefined): unknown }
> = {
  "an acknowledged record is nowhere": {
    shows: "lost-write",
    injure: (run, pick) => take(run, pick(ofKind(run, "acknowledged"))?.value),
  },
  "the end of the log is cut off": {
    shows: "lost-write",
    injure: (run) => (run.log = run.log.slice(0, -4)),
  },
  "a record is written again": {
    shows: "duplicate",
    injure: (run, pick) => run.log.push({ ...pick(run.log)!, offset: run.log.at(-1)!.offset + 1 }),
  },
  "a consumer is given other bytes": {
    shows: "inconsistent-offsets",
    injure(run, pick) {
      const poll = pick(ofKind(run, "polled"))!;
      const [first, ...rest] = poll.records;
      const other = pick(run.log.filter(({ value }) => value < first!.value)); // sent before, at least
      if (other === undefined) return null;
      return (poll.records = [{ ...first!, value: other.value }, ...rest]);
    },
  },
  "what has failed is in the log": {
    shows: "aborted-read",
    injure(run, pick) {
      const step = pick(ofKind(run, "acknowledged"))!;
      Object.assign(step, { is: "failed" });
    },
  },
  "a producer's records change places": {
    shows: "nonmonotonic-send",
    injure(run, pick) {
      const step = pick(ofKind(run, "acknowledged"))!;
      const next = ofKind(run, "acknowledged").find(
        ({ producer, value }) => producer === step.producer && value > step.value,
      );
      if (next === undefined) return null;
      [step.offset, next.offset] = [next.offset, step.offset];
      return step;
    },
  },
  "a poll leaves a record out": {
    shows: "internal-poll-skip",
    injure(run, pick) {
      const poll = pick(ofKind(run, "polled").filter(({ records }) => records.length > 2));
      return poll === undefined ? null : (poll.records = poll.records.toSpliced(1, 1));
    },
  },
  "a poll comes twice": {
    shows: "nonmonotonic-poll",
    injure(run, pick) {
      const poll = pick(ofKind(run, "polled"))!;
      run.steps.splice(run.steps.indexOf(poll), 0, poll);
    },
  },
};

/** Takes a value out of everything that was read. */
function take(run: Run, value: number | undefined): unknown {
  if (value === undefined) return null;
  const isOther = (record: { value: number }): boolean => record.value !== value;
  run.log = run.log.filter(isOther);
  for (const poll of ofKind(run, "polled")) poll.records = poll.records.filter(isOther);
  return value;
}

test.for(Object.entries(injuries))("%s", ([, { shows, injure }]) => {
  let injured = 0;
  fc.assert(
    fc.property(seeds, (seed) => {
      const run = legalRun(seed, 300);
      const random = new SeededRandom(seed + 1);
      const pick = <T>(list: T[]): T | undefined => list[integerBelow(random, list.length)];
      if (injure(run, pick) === null) return;
      injured++;
      expect(anomaliesOf(run)).toContain(shows);
    }),
    { numRuns: 50 },
  );
  expect(injured).toBeGreaterThan(40);
});

test("a history of half a million records takes 40 bytes each", { timeout: 60_000 }, () => {
  const history = new History();
  const producer = history.producer("p");
  const consumer = history.consumer("c");
  const before = process.memoryUsage().arrayBuffers;
  const count = 500_000;
  for (let offset = 0; offset < count; offset++) {
    const value = producer.send("words-0");
    producer.acknowledged("words-0", value, offset);
    consumer.polled("words-0", [{ offset, value }]);
    history.log("words-0", [{ offset, value }]);
  }
  const { anomalies, counts } = history.judge({ isReadToEnd: true });
  expect(anomalies).toEqual([]);
  expect(counts.acknowledged).toBe(count);
  expect((process.memoryUsage().arrayBuffers - before) / count).toBeLessThan(44);
});
