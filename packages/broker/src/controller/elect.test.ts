import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BrokerImage,
  type ClusterImage,
  emptyImage,
  type PartitionImage,
  type TopicImage,
} from "../cluster/image.ts";
import { electionsFor } from "./elect.ts";

/** alive: registered before the partition's node was written. restarted: registered after it. */
type State = "alive" | "restarted" | "stopping" | "dead";

const WRITTEN = 100;

function imageWith(states: Readonly<Record<number, State>>): ClusterImage {
  const brokers = Object.entries(states)
    .filter(([, state]) => state !== "dead")
    .map(([id, state]): [number, BrokerImage] => [
      Number(id),
      {
        id: Number(id),
        endpoints: [],
        grpcAddress: "",
        rack: null,
        incarnation: `${id}-${state}`,
        shuttingDown: state === "stopping",
        sinceMs: 0,
        version: 1,
        registeredRevision: state === "alive" ? WRITTEN - 1 : WRITTEN + 1,
      },
    ]);
  return { ...emptyImage, revision: WRITTEN + 1, brokers: new Map(brokers) };
}

const topicOf = (partition: Partial<PartitionImage>): TopicImage => ({
  name: "words",
  id: "id",
  internal: false,
  version: 1,
  partitions: [
    {
      index: 0,
      replicas: [1, 2, 3],
      leader: 1,
      leaderEpoch: 5,
      isr: [1, 2, 3],
      version: 9,
      modifiedRevision: WRITTEN,
      ...partition,
    },
  ],
});

function decide(states: Record<number, State>, partition: Partial<PartitionImage>, mayBeUnclean = false) {
  const [change] = electionsFor(imageWith(states), topicOf(partition), {
    mayBeUnclean: () => mayBeUnclean,
    minInsyncReplicas: () => 2,
  });
  return change
    ? `leader=${change.node.leader} epoch=${change.node.leaderEpoch} isr=${change.node.isr.join(",")}`
    : "as it should be";
}

const alive = { 1: "alive", 2: "alive", 3: "alive" } as const;

describe("elect", () => {
  test.each<[string, Record<number, State>, Partial<PartitionImage>, string]>([
    ["all is well", alive, {}, "as it should be"],
    ["a replica is away and not in sync", { ...alive, 3: "dead" }, { isr: [1, 2] }, "as it should be"],
    ["a follower died", { ...alive, 3: "dead" }, {}, "leader=1 epoch=5 isr=1,2"],
    ["the leader died", { ...alive, 1: "dead" }, {}, "leader=2 epoch=6 isr=2,3"],
    [
      "the leader died; the next replica is not in sync",
      { ...alive, 1: "dead" },
      { isr: [3, 1] },
      "leader=3 epoch=6 isr=3",
    ],
    ["P-22: the leader restarted", { ...alive, 1: "restarted" }, {}, "leader=2 epoch=6 isr=2,3"],
    ["P-22: a follower restarted", { ...alive, 2: "restarted" }, {}, "leader=1 epoch=5 isr=1,3"],
    ["P-13: a follower is stopping", { ...alive, 2: "stopping" }, {}, "leader=1 epoch=5 isr=1,3"],
    ["the leader is stopping", { ...alive, 1: "stopping" }, {}, "leader=2 epoch=6 isr=2,3"],
    ["the last one in sync is stopping", { ...alive, 1: "stopping" }, { isr: [1] }, "as it should be"],
    [
      "the last one in sync is stopping, the other died",
      { ...alive, 1: "stopping", 2: "dead" },
      { isr: [1, 2] },
      "leader=1 epoch=5 isr=1",
    ],
    [
      "the last one in sync died: others are alive, and not elected",
      { ...alive, 1: "dead" },
      { isr: [1] },
      "leader=-1 epoch=6 isr=1",
    ],
    ["nobody leads and nobody is back", { ...alive, 1: "dead" }, { isr: [1], leader: -1 }, "as it should be"],
    ["the last one in sync is back", { ...alive, 1: "restarted" }, { isr: [1], leader: -1 }, "leader=1 epoch=6 isr=1"],
    [
      "the last one in sync restarted while leading",
      { ...alive, 1: "restarted" },
      { isr: [1] },
      "leader=1 epoch=6 isr=1",
    ],
    ["all died at once", { 1: "dead", 2: "dead", 3: "dead" }, {}, "leader=-1 epoch=6 isr=1,2,3"],
    [
      "all died at once and the second is back",
      { 1: "dead", 2: "restarted", 3: "dead" },
      { leader: -1 },
      "leader=2 epoch=6 isr=2",
    ],
    [
      "nobody led, and one in sync is alive",
      { ...alive, 2: "dead", 3: "dead" },
      { leader: -1, isr: [1, 2] },
      "leader=1 epoch=6 isr=1",
    ],
  ])("%s", (_, states, partition, expected) => {
    expect(decide(states, partition)).toBe(expected);
  });

  test("P-17: a replica outside the ISR leads only where the topic allows it", () => {
    expect(decide({ ...alive, 1: "dead" }, { isr: [1] }, true)).toBe("leader=2 epoch=6 isr=2");
    expect(decide({ 1: "dead", 2: "dead", 3: "dead" }, { isr: [1] }, true)).toBe("leader=-1 epoch=6 isr=1");
  });

  test("whatever happens: the ISR is never empty and only shrinks, a leader is live and in it, a new leader has a new epoch, once is enough", () => {
    const state = fc.constantFrom<State>("alive", "restarted", "stopping", "dead");
    const broker = fc.constantFrom<number>(1, 2, 3);
    fc.assert(
      fc.property(
        fc.record({ 1: state, 2: state, 3: state }),
        fc.uniqueArray(broker, { minLength: 1 }),
        fc.constantFrom<number>(-1, 1, 2, 3),
        (states, isr, leader) => {
          const topic = topicOf({ isr, leader: isr.includes(leader) ? leader : -1 });
          const before = topic.partitions[0]!;
          const [change] = electionsFor(imageWith(states), topic, {
            mayBeUnclean: () => false,
            minInsyncReplicas: () => 2,
          });
          if (!change) return;
          const { node } = change;
          expect(node.isr.length).toBeGreaterThan(0);
          expect(node.isr.every((id) => before.isr.includes(id))).toBe(true);
          expect(node.leaderEpoch).toBe(
            node.leader === before.leader && states[before.leader as 1] !== "restarted"
              ? before.leaderEpoch
              : before.leaderEpoch + 1,
          );
          if (node.leader !== -1) {
            expect(node.isr).toContain(node.leader);
            expect(states[node.leader as 1]).not.toBe("dead");
          }
          const written = { ...before, ...node, modifiedRevision: WRITTEN + 2, version: before.version + 1 };
          expect(
            electionsFor(
              imageWith(states),
              { ...topic, partitions: [written] },
              { mayBeUnclean: () => false, minInsyncReplicas: () => 2 },
            ),
          ).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
