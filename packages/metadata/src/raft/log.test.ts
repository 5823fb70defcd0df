import fc from "fast-check";
import { expect, test } from "vitest";

import { beginning } from "../store/entry.ts";
import { RaftLog } from "./log.ts";
import { majority, reachedByMajority, voteOutcome } from "./quorum.ts";

const step = fc.oneof(
  fc.record({ is: fc.constant("append" as const), newTerm: fc.boolean(), bytes: fc.nat(20) }),
  fc.record({ is: fc.constant("truncate" as const), back: fc.nat(6) }),
  fc.record({ is: fc.constant("compact" as const), ahead: fc.nat(6) }),
);

test("the log is what a plain list with a beginning would be", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const log = new RaftLog();
      let model: { term: number; bytes: number }[] = [];
      let base = 0;
      for (const one of steps) {
        const term = model.at(-1)?.term ?? 1;
        if (one.is === "append") {
          model.push({ term: term + Number(one.newTerm), bytes: one.bytes });
          log.append({ term: term + Number(one.newTerm), is: "data", data: Buffer.alloc(one.bytes) });
        } else if (one.is === "truncate") {
          const from = Math.max(base + 1, model.length + 1 - one.back);
          model = model.slice(0, from - 1);
          log.truncateFrom(from);
        } else {
          base = Math.min(model.length, base + one.ahead);
          log.compactTo(base);
        }
        expect([log.base.index, log.last.index]).toEqual([base, model.length]);
        for (let index = base + 1; index <= model.length; index++)
          expect(log.termAt(index)).toBe(model[index - 1]!.term);
        expect([log.termAt(base - 1), log.termAt(model.length + 1)]).toEqual([null, null]);
        expect(log.bytes).toBe(model.slice(base).reduce((sum, entry) => sum + entry.bytes + 64, 0));
      }
    }),
  );
});

test("equal hashes mean equal logs, and only then", () => {
  const entry = fc.record({
    term: fc.constant(1),
    is: fc.constant("data" as const),
    data: fc.string({ maxLength: 2 }),
  });
  const logOf = (lines: { term: number; is: "data"; data: string }[]): RaftLog => {
    const log = new RaftLog();
    for (const line of lines) log.append({ ...line, data: Buffer.from(line.data) });
    return log;
  };
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), fc.array(entry, { maxLength: 4 }), (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(logOf(one).last.hash.equals(logOf(other).last.hash)).toBe(same);
    }),
  );
});

test("a slice keeps to its limits, but has at least one entry", () => {
  const log = new RaftLog(beginning);
  for (let at = 0; at < 10; at++) log.append({ term: 1, is: "data", data: Buffer.alloc(100) });
  const indexes = (from: number, limits: Parameters<RaftLog["slice"]>[1]): number[] =>
    log.slice(from, limits).map((entry) => entry.index);
  expect(indexes(3, { entriesMax: 2, bytesMax: 10_000 })).toEqual([3, 4]);
  expect(indexes(3, { entriesMax: 100, bytesMax: 330 })).toEqual([3, 4]);
  expect(indexes(3, { entriesMax: 100, bytesMax: 1 })).toEqual([3]);
  expect(indexes(9, { entriesMax: 100, bytesMax: 10_000 })).toEqual([9, 10]);
  expect(indexes(3, { entriesMax: 100, bytesMax: 10_000, upTo: 4 })).toEqual([3, 4]);
  expect(indexes(11, { entriesMax: 100, bytesMax: 10_000 })).toEqual([]);
});

test("two majorities always share a member, and what one has reached is what it has", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), (indexes) => {
      const reached = reachedByMajority(indexes);
      expect(majority(indexes.length) * 2).toBeGreaterThan(indexes.length);
      expect(indexes.filter((index) => index >= reached).length).toBeGreaterThanOrEqual(majority(indexes.length));
      expect(indexes.filter((index) => index > reached).length).toBeLessThan(majority(indexes.length));
    }),
  );
});

test("R-07: votes are decided by voters, not by messages", () => {
  const outcome = (members: number, ...given: [number, boolean][]): string =>
    voteOutcome(new Map(given), { voters: Array.from({ length: members }, (_, at) => at + 1), dead: new Set() });
  expect(outcome(3, [1, true], [1, true])).toBe("open");
  expect(outcome(3, [1, true], [2, true])).toBe("won");
  expect(outcome(3, [1, true], [2, false], [3, false])).toBe("lost");
  expect(outcome(1, [1, true])).toBe("won");
  expect(outcome(5, [1, true], [2, true], [3, false], [4, false])).toBe("open");
});
