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

/** alive: registered before the partition's node was written. restarted: registered after it. lost: and not sure to have kept what it had. */
type State = "alive" | "restarted" | "lost" | "lost and dead" | "stopping" | "dead";

const WRITTEN = 100;

const stranger: BrokerImage = {
  id: 0,
  endpoints: [],
  grpcAddress: "",
  rack: null,
  incarnation: "",
  shuttingDown: false,
  sinceMs: 0,
  version: 1,
  registeredRevision: 1,
  lostRevision: 0,
};

function imageWith(states: Readonly<Record<number, State>>): ClusterImage {
  const brokers = Object.entries(states)
    .filter(([, state]) => !state.endsWith("dead"))
    .map(([id, state]): [number, BrokerImage] => [
      Number(id),
      {
        ...stranger,
        id: Number(id),
        incarnation: `${id}-${state}`,
        shuttingDown: state === "stopping",
        registeredRevision: state === "alive" ? WRITTEN - 1 : WRITTEN + 1,
      },
    ]);
  const known = Object.entries(states).map(([id, state]): [number, BrokerImage] => {
    const lostRevision = state.startsWith("lost") ? WRITTEN + 1 : 0;
    return [Number(id), { ...stranger, id: Number(id), lostRevision }];
  });
  return { ...emptyImage, revision: WRITTEN + 1, brokers: new Map(brokers), known: new Map(known) };
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
  if (!change) return "as it should be";
  const { leader, leaderEpoch, isr, eligible = [], lastKnownEligible = [] } = change.node;
  const beside = eligible.length > 0 ? ` eligible=${eligible.join(",")}` : "";
  const unsure = lastKnownEligible.length > 0 ? ` unsure=${lastKnownEligible.join(",")}` : "";
  return `leader=${leader} epoch=${leaderEpoch} isr=${isr.join(",")}${beside}${unsure}`;
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
      "leader=3 epoch=6 isr=3 eligible=1",
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
      "leader=1 epoch=5 isr=1 eligible=2",
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
      "leader=2 epoch=6 isr=2 eligible=1,3",
    ],
    [
      "nobody led, and one in sync is alive",
      { ...alive, 2: "dead", 3: "dead" },
      { leader: -1, isr: [1, 2] },
      "leader=1 epoch=6 isr=1 eligible=2",
    ],
    [
      "P-15: nobody in sync is left: who is eligible leads",
      { ...alive, 1: "dead" },
      { isr: [1], eligible: [2] },
      "leader=2 epoch=6 isr=2 eligible=1",
    ],
    [
      "P-15: the same, back after an ordinary crash",
      { ...alive, 1: "dead", 2: "restarted" },
      { isr: [1], leader: -1, eligible: [2] },
      "leader=2 epoch=6 isr=2 eligible=1",
    ],
    [
      "P-15: who may have lost records is eligible no longer, and the leader is told",
      { ...alive, 2: "lost" },
      { isr: [1], eligible: [2] },
      "leader=1 epoch=5 isr=1 unsure=2",
    ],
    [
      "P-15: who may have lost records does not lead while somebody who has not may come back",
      { 1: "lost", 2: "dead", 3: "dead" },
      { isr: [1], leader: -1, eligible: [2] },
      "leader=-1 epoch=6 isr=2 unsure=1",
    ],
    [
      "P-15: the same in sync: the others are waited for",
      { 1: "dead", 2: "lost", 3: "dead" },
      { leader: -1 },
      "leader=-1 epoch=6 isr=1,3",
    ],
    [
      "P-15: when all may have lost records, who led last leads again",
      { 1: "lost", 2: "lost", 3: "lost" },
      { leader: -1, isr: [2, 1, 3] },
      "leader=2 epoch=6 isr=2 unsure=1,3",
    ],
    [
      "P-15: it is waited for while only the others are there",
      { 1: "lost", 2: "lost and dead", 3: "lost" },
      { leader: -1, isr: [2, 1, 3] },
      "leader=-1 epoch=6 isr=2 unsure=1,3",
    ],
    ["P-15: a lone replica leads as it is", { 1: "lost" }, { replicas: [1], isr: [1] }, "leader=1 epoch=6 isr=1"],
    [
      "P-15: enough are in sync again: nobody else is eligible",
      alive,
      { isr: [1, 3], eligible: [2] },
      "leader=1 epoch=5 isr=1,3",
    ],
  ])("%s", (_, states, partition, expected) => {
    expect(decide(states, partition)).toBe(expected);
  });

  test("P-17: a replica outside the ISR leads only where the topic allows it", () => {
    expect(decide({ ...alive, 1: "dead" }, { isr: [1] }, true)).toBe("leader=2 epoch=6 isr=2 eligible=1");
    expect(decide({ ...alive, 1: "dead" }, { isr: [1], lastKnownEligible: [3] }, true)).toBe(
      "leader=3 epoch=6 isr=3 eligible=1",
    );
    expect(decide({ 1: "dead", 2: "dead", 3: "dead" }, { isr: [1] }, true)).toBe("leader=-1 epoch=6 isr=1");
  });

  test("whatever happens: the ISR is never empty and only of those who could lead, a leader is live and in it, a new leader has a new epoch, once is enough", () => {
    const state = fc.constantFrom<State>("alive", "restarted", "lost", "lost and dead", "stopping", "dead");
    const broker = fc.constantFrom<number>(1, 2, 3);
    fc.assert(
      fc.property(
        fc.record({ 1: state, 2: state, 3: state }),
        fc.uniqueArray(broker, { minLength: 1 }),
        fc.constantFrom<number>(-1, 1, 2, 3),
        fc.uniqueArray(broker),
        (states, isr, leader, others) => {
          const eligible = isr.length < 2 ? others.filter((id) => !isr.includes(id)) : [];
          const topic = topicOf({ isr, leader: isr.includes(leader) ? leader : -1, eligible });
          const before = topic.partitions[0]!;
          const [change] = electionsFor(imageWith(states), topic, {
            mayBeUnclean: () => false,
            minInsyncReplicas: () => 2,
          });
          if (!change) return;
          const { node } = change;
          expect(node.isr.length).toBeGreaterThan(0);
          expect(node.isr.every((id) => [...before.isr, ...eligible].includes(id))).toBe(true);
          const isBack = ["restarted", "lost"].includes(states[before.leader as 1]);
          if (node.leader !== before.leader || isBack) expect(node.leaderEpoch).toBe(before.leaderEpoch + 1);
          else if (node.leader !== -1) expect(node.leaderEpoch).toBe(before.leaderEpoch);
          if (node.leader !== -1) {
            expect(node.isr).toContain(node.leader);
            expect(states[node.leader as 1]).not.toMatch("dead");
          }
          const written = { index: 0, ...node, modifiedRevision: WRITTEN + 2, version: before.version + 1 };
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
