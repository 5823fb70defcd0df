import { expect, test } from "vitest";

import type { PlantedBugs } from "../raft/options.ts";
import type { NetworkFaults } from "./sim-network.ts";
import type { SimPlan } from "./sim-plan.ts";
import { simulate } from "./sim.ts";

const calm: NetworkFaults = { loss: 0, duplication: 0, delayMsMean: 1, encoded: false };
const three = [1, 2, 3];
const five = [1, 2, 3, 4, 5];
const disks = (...syncMs: number[]): SimPlan["syncMs"] => new Map(syncMs.map((ms, at) => [at + 1, ms]));

type Planted = { bug: keyof PlantedBugs; why: string; from: number; world: Partial<SimPlan> };

/** Worlds in which each bug shows; `from`: the seed near which it did. */
const planted: Planted[] = [
  {
    bug: "voteNoPersist",
    why: "R-01",
    from: 205,
    world: {
      members: five,
      network: { ...calm, delayMsMean: 25, duplication: 0.4 },
      syncMs: disks(1, 1, 1, 1, 1),
      faults: ["crashVoters", "crashLeader"],
      faultEveryMs: 300,
      proposalEveryMs: 100,
    },
  },
  {
    bug: "appendNoPersist",
    why: "R-02",
    from: 1,
    world: {
      members: three,
      network: calm,
      syncMs: disks(10, 10, 10),
      faults: ["crash", "crashAll"],
      faultEveryMs: 400,
      proposalEveryMs: 20,
    },
  },
  {
    bug: "leaderCountsUnsynced",
    why: "R-03",
    from: 1,
    world: {
      members: three,
      network: calm,
      syncMs: disks(60, 60, 1),
      faults: ["crashLeader", "isolate", "oneWay"],
      faultEveryMs: 400,
      proposalEveryMs: 20,
    },
  },
  {
    bug: "commitOldTerm",
    why: "R-05",
    from: 144,
    world: {
      members: five,
      network: { ...calm, delayMsMean: 12 },
      syncMs: disks(0.5, 0.5, 0.5, 0.5, 0.5),
      limits: { appendEntriesMax: 1, inFlightMessagesMax: 1 },
      faults: ["crashLeader", "crashLeader", "halves", "oneWay"],
      faultEveryMs: 120,
      proposalEveryMs: 3,
    },
  },
  {
    bug: "commitBeyondMatch",
    why: "R-08",
    from: 1,
    world: {
      members: three,
      network: { ...calm, delayMsMean: 5 },
      syncMs: disks(0.5, 0.5, 0.5),
      limits: { appendEntriesMax: 1 },
      faults: ["isolate", "oneWay"],
      faultEveryMs: 800,
      proposalEveryMs: 25,
    },
  },
];

test.each(planted)("$why: the simulator sees $bug, and nothing without it", { timeout: 120_000 }, async (plant) => {
  const { bug, from, world } = plant;
  for (let seed = from; seed < from + 100; seed++) {
    const { failure } = await simulate(seed, { [bug]: true, noRollCall: true }, world);
    if (failure === null) continue;
    expect((await simulate(seed, {}, world)).failure).toBeNull();
    return;
  }
  expect.fail(`${bug} was not seen by seeds ${from} to ${from + 99}`);
});
