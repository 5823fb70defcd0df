import fc from "fast-check";
import { test } from "vitest";
import { partitionName } from "../cluster/offsets.ts";
import { rangeAssignor, roundRobinAssignor } from "./assignors.ts";

const topics = ["a", "b", "c"];
const counts = fc.record({ a: fc.nat(7), b: fc.nat(7), c: fc.nat(7) }).map((one) => new Map(Object.entries(one)));
const members = fc.uniqueArray(
  fc.record({ memberId: fc.string({ minLength: 1, maxLength: 3 }), topics: fc.subarray(topics, { minLength: 1 }) }),
  {
    minLength: 1,
    maxLength: 6,
    selector: ({ memberId }) => memberId,
  },
);

test.for([rangeAssignor, roundRobinAssignor])(
  "$name: every partition that somebody wants goes to exactly one who wants it",
  (assignor, { expect }) => {
    fc.assert(
      fc.property(members, counts, (group, sizes) => {
        const assigned = assignor.assign(group, sizes);
        expect([...assigned.keys()].toSorted()).toEqual(group.map(({ memberId }) => memberId).toSorted());
        for (const { memberId, topics: wanted } of group)
          for (const { topic } of assigned.get(memberId)!) expect(wanted).toContain(topic);
        const all = [...assigned.values()].flat().map(partitionName).toSorted();
        const wanted = topics.filter((topic) => group.some((member) => member.topics.includes(topic)));
        const expected = wanted.flatMap((topic) =>
          Array.from({ length: sizes.get(topic)! }, (_, partition) => partitionName({ topic, partition })),
        );
        expect(all).toEqual(expected.toSorted());
      }),
    );
  },
);

test.for([rangeAssignor, roundRobinAssignor])(
  "$name: members alike get shares that differ by one per topic at most",
  (assignor, { expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(20), (size, count) => {
        const group = Array.from({ length: size }, (_, i) => ({ memberId: `m${i}`, topics: ["a"] }));
        const shares = [...assignor.assign(group, new Map([["a", count]])).values()].map((list) => list.length);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
    );
  },
);

test("range gives the partitions of two topics with equal numbers to the same member", ({ expect }) => {
  const group = ["x", "y"].map((memberId) => ({ memberId, topics: ["a", "b"] }));
  const assigned = rangeAssignor.assign(
    group,
    new Map([
      ["a", 3],
      ["b", 3],
    ]),
  );
  expect(assigned.get("x")!.map(partitionName)).toEqual(["a-0", "a-1", "b-0", "b-1"]);
  expect(assigned.get("y")!.map(partitionName)).toEqual(["a-2", "b-2"]);
});
