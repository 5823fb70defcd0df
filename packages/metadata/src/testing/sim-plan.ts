import { integerBelow, type Random } from "@odradek/kit";

import type { CompactionLimits } from "../raft/compaction.ts";
import type { RaftLimits } from "../raft/options.ts";
import type { NetworkFaults } from "./sim-network.ts";

/** What one seed draws: a swarm of different worlds finds more than one world for long (RELIABILITY §6.3). */
export type SimPlan = {
  members: number[];
  network: NetworkFaults;
  /** Mean time of a sync, by node. */
  syncMs: Map<number, number>;
  limits: Partial<RaftLimits & CompactionLimits>;
  /** Mean time between faults. */
  faultEveryMs: number;
  proposalEveryMs: number;
  faults: Fault[];
};

export type Fault = (typeof allFaults)[number];

const allFaults = [
  "crash",
  "crashAll",
  "crashLeader",
  "crashVoters",
  "isolate",
  "halves",
  "oneWay",
  "pause",
  "diskHang",
  "wipe",
  "rot",
  "shutDown",
] as const;

export function drawPlan(random: Random): SimPlan {
  const plan = drawAny(random);
  return random.next() < 0.2 ? churn(plan, random) : plan;
}

/** One leader after the other, none of which gets far: where entries of old terms matter (Raft §5.4.2, figure 8). */
function churn(plan: SimPlan, random: Random): SimPlan {
  return {
    ...plan,
    network: { ...plan.network, delayMsMean: 2 + random.next() * 15 },
    limits: { ...plan.limits, appendEntriesMax: 1, inFlightMessagesMax: 1 },
    faultEveryMs: 60 + random.next() * 300,
    faults: ["crashLeader", "crashLeader", "halves", "isolate", "oneWay"],
  };
}

function drawAny(random: Random): SimPlan {
  const chance = (probability: number): boolean => random.next() < probability;
  const members = chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
  const syncMs = new Map(members.map((id) => [id, 0.2 + random.next() * 2]));
  if (chance(0.5)) {
    const slow = members[integerBelow(random, members.length)]!;
    syncMs.set(slow, syncMs.get(slow)! * (20 + random.next() * 60));
  }
  const tiny = (most: number): number => 1 + integerBelow(random, most);
  return {
    members,
    network: {
      loss: chance(0.5) ? random.next() * 0.25 : 0,
      duplication: chance(0.5) ? random.next() * 0.5 : 0,
      delayMsMean: chance(0.5) ? 0.2 + random.next() : random.next() * 30,
      encoded: chance(0.1),
    },
    syncMs,
    limits: {
      ...(chance(0.6) && { appendEntriesMax: tiny(4), appendBytesMax: 64 * tiny(5), inFlightMessagesMax: tiny(4) }),
      ...(chance(0.5) && { applyEntriesMax: tiny(3) }),
      ...(chance(0.6) && { snapshotEntries: 10 + tiny(40), tailEntries: integerBelow(random, 10) }),
      snapshotChunkBytes: chance(0.5) ? 16 * tiny(10) : 4096,
      uncommittedEntriesMax: chance(0.3) ? tiny(10) : 1000,
    },
    faultEveryMs: 50 + random.next() ** 2 * 2500,
    proposalEveryMs: 2 + random.next() * 60,
    faults: allFaults.filter(() => chance(0.6)),
  };
}
