import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Place, type Placed, planned } from "./reassign-plan.ts";

const broker = (id: number, rack: string | null = null): Place => ({ id, rack });

const applied = (placed: readonly Placed[], plan: readonly Placed[]): Placed[] =>
  placed.map((one) => plan.find(({ topic, partition }) => topic === one.topic && partition === one.partition) ?? one);

const countOf = (placed: readonly Placed[], id: number): number =>
  placed.filter(({ replicas }) => replicas.includes(id)).length;
const spreadOf = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

describe("a plan", () => {
  test("drains a broker, and moves nothing else", () => {
    const placed = [
      { topic: "a", partition: 0, replicas: [1, 2] },
      { topic: "a", partition: 1, replicas: [2, 3] },
      { topic: "a", partition: 2, replicas: [3, 1] },
    ];
    const plan = planned(
      placed,
      [1, 2, 3, 4].map((id) => broker(id)),
      { drain: [1], isSpread: false },
    );
    expect(plan).toEqual([
      { topic: "a", partition: 0, replicas: [4, 2] },
      { topic: "a", partition: 2, replicas: [3, 4] },
    ]);
  });

  test("that can't be made says which partition has nowhere to go", () => {
    const placed = [{ topic: "a", partition: 0, replicas: [1, 2] }];
    const drain = { drain: [1], isSpread: false };
    expect(() => planned(placed, [broker(1), broker(2)], drain)).toThrow("a-0 has nowhere to go: it needs 2 brokers");
  });

  test("keeps racks apart", () => {
    const placed = Array.from({ length: 6 }, (_, partition) => ({ topic: "a", partition, replicas: [1, 3] }));
    const brokers = [broker(1, "x"), broker(2, "x"), broker(3, "y"), broker(4, "y")];
    const plan = applied(placed, planned(placed, brokers, { drain: [], isSpread: true }));
    for (const { replicas } of plan) expect(new Set(replicas.map((id) => (id <= 2 ? "x" : "y"))).size).toBe(2);
    expect([1, 2, 3, 4].map((id) => countOf(plan, id))).toEqual([3, 3, 3, 3]);
  });

  test("leaves nothing on drained brokers, keeps every factor, and spreads replicas and leaders evenly, new brokers too", () => {
    const arrangement = fc.record({
      brokers: fc.integer({ min: 4, max: 8 }),
      fresh: fc.integer({ min: 0, max: 2 }),
      factor: fc.integer({ min: 1, max: 3 }),
      drained: fc.constantFrom<number[]>([], [1]),
      rolls: fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(arrangement, ({ brokers, fresh, factor, drained, rolls }) => {
        const placed = rolls.map((roll, partition) => ({
          topic: "t",
          partition,
          replicas: Array.from({ length: factor }, (_, at) => ((roll + at) % brokers) + 1),
        }));
        const all = Array.from({ length: brokers + fresh }, (_, at) => broker(at + 1));
        const after = applied(placed, planned(placed, all, { drain: drained, isSpread: true }));
        const open = all.map(({ id }) => id).filter((id) => !drained.includes(id));
        for (const { replicas } of after) {
          expect(new Set(replicas).size).toBe(factor);
          for (const id of replicas) expect(open).toContain(id);
        }
        expect(spreadOf(open.map((id) => countOf(after, id)))).toBeLessThanOrEqual(1);
        expect(planned(after, all, { drain: drained, isSpread: true })).toEqual([]);
      }),
    );
  });
});
