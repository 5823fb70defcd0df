import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BrokerImage, type ClusterImage, emptyImage, type PartitionImage } from "../cluster/image.ts";
import { originOf, replicationFactorOf, targetOf } from "../cluster/moves.ts";
import type { PartitionNode } from "../cluster/nodes.ts";
import { begun, cancelled, completed } from "./reassign.ts";

const WRITTEN = 100;

const broker = (id: number): BrokerImage => ({
  id,
  endpoints: [],
  grpcAddress: "",
  rack: null,
  incarnation: `${id}`,
  shuttingDown: false,
  sinceMs: 0,
  version: 1,
  registeredRevision: WRITTEN - 1,
  lostRevision: 0,
});

const imageWith = (ids: Iterable<number>): ClusterImage => ({
  ...emptyImage,
  brokers: new Map([...ids].map((id) => [id, broker(id)])),
});

const all = imageWith([1, 2, 3, 4, 5, 6]);

const placed = (partition: Partial<PartitionImage> = {}): PartitionImage => ({
  index: 0,
  replicas: [1, 2, 3],
  leader: 1,
  leaderEpoch: 5,
  isr: [1, 2, 3],
  version: 9,
  modifiedRevision: WRITTEN,
  ...partition,
});

const after = (now: PartitionImage, node: PartitionNode): PartitionImage => ({
  index: now.index,
  version: now.version + 1,
  modifiedRevision: WRITTEN,
  ...node,
});

const begin = (now: PartitionImage, target: number[], image = all): PartitionImage => {
  const node = begun(image, now, target);
  if (node === null || node === "leaderless") throw new Error(`not begun: ${node}`);
  return after(now, node);
};

describe("a move", () => {
  test("begins by adding: nobody leaves, no new leader epoch, and the minimum of in-sync replicas is measured by the smaller end", () => {
    const moving = begin(placed(), [4, 2]);
    expect(moving).toMatchObject({ replicas: [4, 2, 1, 3], adding: [4], removing: [1, 3], leader: 1, leaderEpoch: 5 });
    expect(moving.isr).toEqual([1, 2, 3]);
    expect([originOf(moving), targetOf(moving)]).toEqual([
      [2, 1, 3],
      [4, 2],
    ]);
    expect(replicationFactorOf(moving)).toBe(2);
    expect(replicationFactorOf(placed())).toBe(3);
  });

  test("to where the partition is already changes nothing, and to another order only the order", () => {
    expect(begun(all, placed(), [1, 2, 3])).toBeNull();
    expect(begin(placed(), [3, 1, 2])).toMatchObject({ replicas: [3, 1, 2], leader: 1, leaderEpoch: 5 });
    const moving = begin(placed(), [4, 2, 3]);
    expect(begun(all, moving, [4, 2, 3])).toBeNull();
  });

  test("P-20: ends only when every new replica is in sync and as many are left as writing needs", () => {
    const moving = begin(placed(), [4, 5, 2]);
    expect(completed(all, { ...moving, isr: [1, 2, 3, 4] }, 2)).toBeNull();
    expect(completed(all, { ...moving, isr: [1, 3, 4, 5] }, 3)).toBeNull();
    expect(completed(all, { ...moving, isr: [1, 4, 5] }, 2)).toEqual({
      replicas: [4, 5, 2],
      leader: 4,
      leaderEpoch: 6,
      isr: [4, 5],
    });
  });

  test("P-20: a new replica that has died or restarted since does not count", () => {
    const moving = { ...begin(placed(), [4, 2, 3]), isr: [1, 2, 3, 4] };
    expect(completed(imageWith([1, 2, 3]), moving, 1)).toBeNull();
    const brokers = new Map([...all.brokers, [4, { ...broker(4), registeredRevision: WRITTEN + 1 }]] as const);
    expect(completed({ ...all, brokers }, moving, 1)).toBeNull();
  });

  test("a leader that stays goes on leading, in a new epoch: who has left is fenced", () => {
    const moving = { ...begin(placed({ leader: 2 }), [4, 2]), isr: [1, 2, 3, 4] };
    expect(completed(all, moving, 1)).toEqual({ replicas: [4, 2], leader: 2, leaderEpoch: 6, isr: [2, 4] });
  });

  test("cancelled, the new replicas go, and another leads where they led", () => {
    const moving = begin(placed(), [4, 5, 2]);
    expect(cancelled(all, placed())).toBeNull();
    const early = cancelled(all, moving);
    expect(early).toEqual({ replicas: [2, 1, 3], leader: 1, leaderEpoch: 6, isr: [1, 2, 3] });
    const late = cancelled(all, { ...moving, leader: 4, isr: [4, 1, 3] });
    expect(late).toEqual({ replicas: [2, 1, 3], leader: 1, leaderEpoch: 6, isr: [1, 3] });
    expect(cancelled(all, { ...moving, leader: 4, isr: [4, 5] })).toBe("leaderless");
  });

  test("another target gives up the first one; the way back leads to where the partition stood at first", () => {
    const moving = { ...begin(placed(), [4, 2, 3]), isr: [1, 2, 3, 4] };
    const again = begin(moving, [2, 5]);
    expect(again).toMatchObject({ replicas: [2, 5, 3, 1], adding: [5], isr: [1, 2, 3], leaderEpoch: 6 });
    expect(new Set(again.removing)).toEqual(new Set([1, 3]));
    expect(new Set(originOf(again))).toEqual(new Set([1, 2, 3]));
  });
});

type Step =
  | { is: "begin"; target: number[] }
  | { is: "cancel" }
  | { is: "isr"; isr: number[] }
  | { is: "lead"; place: number }
  | { is: "end"; min: number; alive: number[] };

const brokers = (minLength: number) => fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  brokers(1).map((target): Step => ({ is: "begin", target })),
  fc.constant<Step>({ is: "cancel" }),
  brokers(0).map((isr): Step => ({ is: "isr", isr })),
  fc.nat(3).map((place): Step => ({ is: "lead", place })),
  fc.record({ is: fc.constant("end" as const), min: fc.integer({ min: 1, max: 3 }), alive: brokers(1) }),
);

test("P-20: whatever is begun, cancelled and completed, somebody in sync is a replica and leads, and no member is lost unasked", () => {
  fc.assert(
    fc.property(brokers(1), fc.array(step, { maxLength: 30 }), (first, steps) => {
      let now = placed({ replicas: first, leader: first[0]!, isr: first });
      for (const one of steps) {
        const node = decide(now, one);
        if (node === null || node === "leaderless") continue;
        const before = now;
        now = after(now, node);
        expect(now.isr.length).toBeGreaterThan(0);
        for (const id of now.isr) expect(now.replicas).toContain(id);
        expect(now.isr).toContain(now.leader);
        expect(new Set(now.replicas).size).toBe(now.replicas.length);
        const isLost = before.replicas.some((id) => !now.replicas.includes(id));
        if (isLost || now.leader !== before.leader) expect(now.leaderEpoch).toBe(before.leaderEpoch + 1);
        if (one.is === "end") expect(now.replicas).toEqual(targetOf(before));
        if (one.is === "begin") expect(targetOf(now)).toEqual(one.target);
        // Nobody but the leader decides who is in sync: a member leaves only with its replica.
        if (one.is !== "isr") expect(now.isr).toEqual(before.isr.filter((id) => now.replicas.includes(id)));
      }
    }),
  );
});

/** What the controller, a leader or somebody at a terminal would write. */
function decide(now: PartitionImage, one: Step): PartitionNode | "leaderless" | null {
  const { replicas, leader, leaderEpoch, isr, adding = [], removing = [] } = now;
  const same = {
    replicas: [...replicas],
    leader,
    leaderEpoch,
    isr: [...isr],
    adding: [...adding],
    removing: [...removing],
  };
  switch (one.is) {
    case "begin":
      return begun(all, now, one.target);
    case "cancel":
      return cancelled(all, now);
    case "isr":
      return { ...same, isr: [...new Set([leader, ...one.isr.filter((id) => replicas.includes(id))])] };
    case "lead":
      return { ...same, leader: isr[one.place % isr.length]!, leaderEpoch: leaderEpoch + 1 };
    case "end":
      return completed(imageWith(one.alive), now, one.min);
  }
}
