import { SeededRandom } from "@odradek/kit/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { faultKinds, groupOf, schedule, tellFault, type Fault, type FaultKind, type Nodes } from "./schedule.ts";

const nodes: Nodes = {
  brokers: ["broker 1", "broker 2", "broker 3"],
  metadata: ["metadata 1", "metadata 2", "metadata 3"],
};
function first(count: number, seed: number, kinds: readonly FaultKind[] = faultKinds): Fault[] {
  const faults = schedule(kinds, nodes, new SeededRandom(seed));
  return Array.from({ length: count }, () => faults.next().value);
}

test("the same seed gives the same faults, another seed others", () => {
  expect(first(50, 7)).toEqual(first(50, 7));
  expect(first(50, 7)).not.toEqual(first(50, 8));
});

test("every round has every kind once, and nothing else", () => {
  fc.assert(
    fc.property(fc.nat(), fc.subarray([...faultKinds], { minLength: 1 }), (seed, kinds) => {
      const faults = first(3 * kinds.length, seed, kinds);
      for (let round = 0; round < 3; round++) {
        const drawn = faults.slice(round * kinds.length, (round + 1) * kinds.length).map(({ is }) => is);
        expect(drawn.toSorted()).toEqual(kinds.toSorted());
      }
    }),
  );
});

test("only brokers have a disk that can be full, and a cut never ends where it begins", () => {
  for (const fault of first(500, 1)) {
    if (fault.is === "disk-full") expect(nodes.brokers).toContain(fault.node);
    if (fault.is === "partition") for (const { from, to } of fault.cuts) expect(from).not.toBe(to);
    if (fault.is === "clock") expect(Math.abs(fault.offsetMs)).toBeLessThanOrEqual(86_400_000);
  }
});

test("in time every node is hit, in every way", () => {
  const faults = first(2_000, 3);
  const all = [...nodes.brokers, ...nodes.metadata];
  for (const kind of ["kill", "pause", "slow", "clock"])
    expect(new Set(faults.flatMap((fault) => (fault.is === kind && "node" in fault ? fault.node : [])))).toEqual(
      new Set(all),
    );
  const ways = faults.filter(({ is }) => is === "partition").map(tellFault);
  expect(ways).toEqual(
    expect.arrayContaining([
      "broker 1 cut off",
      "nothing from metadata 2 arrives",
      "nothing to broker 3 arrives",
      "nothing from broker 2 to broker 1 arrives",
    ]),
  );
});

test("gaps are compared with those of the same kind and role", () => {
  expect(groupOf({ is: "kill", node: "broker 2", forMs: 1 })).toBe("kill broker");
  expect(groupOf({ is: "rolling", forMs: 0 })).toBe("rolling");
});
