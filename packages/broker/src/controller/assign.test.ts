import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assign, type Candidate } from "./assign.ts";

const fresh = (id: number, isLive = true, rack: string | null = null): Candidate => {
  return { id, rack, isLive, replicas: 0, preferred: 0 };
};
const countOf = (ids: readonly number[], id: number): number => ids.filter((other) => other === id).length;
const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

describe("assign", () => {
  test("leaders and replicas are spread evenly over live brokers", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 60 }),
        (brokers, wanted, partitions) => {
          const replicationFactor = Math.min(wanted, brokers);
          const candidates = Array.from({ length: brokers }, (_, index) => fresh(index + 1));
          const replicas = assign(candidates, { partitions, replicationFactor })!;
          expect(replicas).toHaveLength(partitions);
          for (const each of replicas) expect(new Set(each).size).toBe(replicationFactor);
          const leaders = replicas.map((each) => each[0]!);
          expect(spread(candidates.map(({ id }) => countOf(leaders, id)))).toBeLessThanOrEqual(1);
          // Leaders' successors are evened out first; each place of a partition may leave a difference of one.
          expect(spread(candidates.map(({ id }) => countOf(replicas.flat(), id)))).toBeLessThanOrEqual(
            replicationFactor,
          );
        },
      ),
    );
  });

  test("when a leader dies its partitions fall to several others", () => {
    const candidates = [1, 2, 3, 4].map((id) => fresh(id));
    for (const replicationFactor of [2, 3, 4]) {
      const replicas = assign(candidates, { partitions: 48, replicationFactor })!;
      for (const { id } of candidates) {
        const successors = replicas.filter(([leader]) => leader === id).map((each) => each[1]!);
        expect(new Set(successors).size).toBe(3);
        expect(
          spread([1, 2, 3, 4].filter((other) => other !== id).map((other) => countOf(successors, other))),
        ).toBeLessThanOrEqual(2);
      }
    }
  });

  test("live brokers come first; one that is away is used only to reach the replication factor", () => {
    const candidates = [fresh(1), fresh(2, false), fresh(3)];
    for (const each of assign(candidates, { partitions: 6, replicationFactor: 2 })!) expect(each).not.toContain(2);
    for (const each of assign(candidates, { partitions: 6, replicationFactor: 3 })!) expect(each[2]).toBe(2);
  });

  test("replicas of a partition stand in as many racks as there are, and are spread evenly all the same", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        (racks, perRack, wanted, partitions) => {
          const candidates = Array.from({ length: racks * perRack }, (_, at) => fresh(at + 1, true, `r${at % racks}`));
          const replicationFactor = Math.min(wanted, candidates.length);
          const replicas = assign(candidates, { partitions, replicationFactor })!;
          for (const each of replicas)
            expect(new Set(each.map((id) => (id - 1) % racks)).size).toBe(Math.min(racks, replicationFactor));
          const leaders = replicas.map((each) => each[0]!);
          expect(spread(candidates.map(({ id }) => countOf(leaders, id)))).toBeLessThanOrEqual(1);
          expect(spread(candidates.map(({ id }) => countOf(replicas.flat(), id)))).toBeLessThanOrEqual(
            replicationFactor,
          );
        },
      ),
    );
  });

  test("a live broker in a rack that is taken comes before one elsewhere that is away", () => {
    const candidates = [fresh(1, true, "a"), fresh(2, true, "a"), fresh(3, false, "b")];
    expect(assign(candidates, { partitions: 1, replicationFactor: 2 })).toEqual([[1, 2]]);
  });

  test("the replication factor is never lowered", () => {
    expect(assign([fresh(1), fresh(2)], { partitions: 1, replicationFactor: 3 })).toBeNull();
  });

  test("topics of one partition go to whoever carries least; a larger topic is spread over all", () => {
    const candidates = [{ ...fresh(1), replicas: 10, preferred: 10 }, fresh(2)];
    expect(assign(candidates, { partitions: 1, replicationFactor: 1 })).toEqual([[2]]);
    expect(assign(candidates, { partitions: 4, replicationFactor: 1 })).toEqual([[2], [1], [2], [1]]);
  });
});
