import { integerBelow, type Random } from "@odradek/kit";

import type { CompactionLimits } from "../raft/compaction.ts";
import { defaultTiming, type RaftLimits, type RaftTiming } from "../raft/options.ts";
import type { NetworkFaults } from "./sim-network.ts";

/** What one seed draws: a swarm of different worlds finds more than one world for long (RELIABILITY §6.3). */
export type SimPlan = {
  mood: MoodName;
  /** The founders. */
  members: number[];
  /** Nodes that may be added. */
  spares: number[];
  network: NetworkFaults;
  /** Mean time of a sync, by node. */
  syncMs: Map<number, number>;
  limits: Partial<RaftLimits & CompactionLimits>;
  /** Of all spans of time: those of elections, and those for which harm lasts. Messages and disks take as long as ever. */
  scale: number;
  timing: RaftTiming;
  /** Probability that a crashed node is back at once; else it takes up to four seconds. */
  quickRestarts: number;
  proposalEveryMs: number;
  lineBytesMax: number;
  safetyMs: number;
  /** All harm that will be done, in order of time: drawn beforehand, so that a failing world can be tried with less of it. */
  schedule: Injection[];
  /** One direction of one link stays cut after everything else has healed (RELIABILITY R-17). */
  stubbornLink: boolean;
};

/** What is common in a world: a little of everything, or one rare thing. */
export type MoodName = "any" | "churn" | "elections" | "promises" | "snapshots" | "members";

/** `chance` seeds the details: where, how long. */
export type Injection = { atMs: number; fault: Fault; chance: number };

export type Fault = (typeof allFaults)[number] | (typeof moodyFaults)[number];

const allFaults = [
  "crash",
  "crashAll",
  "crashLeader",
  "crashStarting",
  "shortReigns",
  "crashVoter",
  "crashPromising",
  "isolate",
  "halves",
  "oneWay",
  "swizzle",
  "pause",
  "diskHang",
  "diskFails",
  "diskFull",
  "wipe",
  "rot",
  "transfer",
  "transferTo",
  "change",
  "changeApart",
  "hastyChanges",
  "shutDown",
] as const;

/** Only in a mood. */
const moodyFaults = ["crashElected"] as const;

/** Before its times are scaled. */
type Mood = Omit<SimPlan, "schedule" | "timing"> & { faults: Fault[]; faultEveryMs: number };

export function drawPlan(random: Random): SimPlan {
  const { faults, faultEveryMs, ...mood } = drawMood(random);
  const { scale } = mood;
  const safetyMs = mood.safetyMs * scale;
  const schedule: Injection[] = [];
  // Most worlds get the time to found their cluster, which takes all of its members.
  let atMs = random.next() < 0.9 ? 1500 * scale : 0;
  while (faults.length > 0) {
    atMs -= Math.log(1 - random.next()) * faultEveryMs * scale;
    if (atMs > safetyMs) break;
    const fault = faults[integerBelow(random, faults.length)]!;
    schedule.push({ atMs, fault, chance: integerBelow(random, 0x7fff_ffff) });
  }
  return { ...mood, safetyMs, timing: scaled(defaultTiming, scale), schedule };
}

function scaled(timing: RaftTiming, scale: number): RaftTiming {
  return Object.fromEntries(Object.entries(timing).map(([name, ms]) => [name, ms * scale])) as RaftTiming;
}

function drawMood(random: Random): Mood {
  const mood = drawAny(random);
  const chance = random.next();
  if (chance < 0.12) return churn(mood);
  if (chance < 0.25) return elections(mood, random);
  if (chance < 0.35) return promises(mood, random);
  if (chance < 0.43) return snapshots(mood, random);
  return chance < 0.57 ? members(mood, random) : mood;
}

const five = [1, 2, 3, 4, 5];

/** One leader after the other, none of which gets far: where entries of old terms matter (Raft §5.4.2, figure 8). */
function churn(mood: Mood): Mood {
  return {
    ...mood,
    mood: "churn",
    members: five,
    spares: [],
    network: { loss: 0, duplication: 0, straggling: 0, encoded: false, delayMsMean: 8 },
    syncMs: new Map(five.map((id) => [id, 3])),
    limits: { appendEntriesMax: 1, inFlightMessagesMax: 1 },
    scale: 0.2,
    quickRestarts: 0.9,
    proposalEveryMs: 10,
    safetyMs: 12_000,
    faultEveryMs: 500,
    faults: ["shortReigns", "shortReigns", "crashLeader"],
  };
}

/** Five nodes, some with slow disks, that lose their memory as soon as they have voted; messages that arrive an election later. */
function elections(mood: Mood, random: Random): Mood {
  const slow = random.next() < 0.5 ? 0 : 0.4;
  return {
    ...mood,
    mood: "elections",
    members: five,
    spares: [],
    network: {
      ...mood.network,
      // Who did not hear of a candidate may stand in the same term.
      loss: random.next() < 0.3 ? 0 : 0.2 + random.next() * 0.2,
      duplication: random.next() * 0.5,
      straggling: random.next() < 0.5 ? 0 : random.next() * 0.3,
      delayMsMean: 15 + random.next() * 15,
    },
    syncMs: new Map(five.map((id) => [id, random.next() < slow ? 100 : 1])),
    scale: 0.5 + random.next() / 2,
    safetyMs: 8_000,
    // With few writes all logs are equal, and everyone could win.
    proposalEveryMs: 100,
    faultEveryMs: 100 + random.next() * 200,
    faults: ["crashVoter", "crashVoter", "crashElected", "crashElected", "crashLeader", "transferTo"],
  };
}

/** One disk is slow, and nodes lose their memory right after they promised something: where not waiting for a disk is found out. */
function promises(mood: Mood, random: Random): Mood {
  const { members } = mood;
  const slow = members[integerBelow(random, members.length)]!;
  return {
    ...mood,
    mood: "promises",
    network: { loss: 0, duplication: 0, straggling: 0, encoded: false, delayMsMean: 0.5 + random.next() * 2 },
    syncMs: new Map(members.map((id) => [id, id === slow ? 30 + random.next() * 60 : 0.5])),
    limits: {},
    safetyMs: 8_000,
    faultEveryMs: 300,
    faults: ["crashPromising", "crashLeader", "oneWay", "isolate", "transfer"],
  };
}

/** Members come and go under load, most of the time by leaders that do not reach all others (Raft §4.1). */
function members(mood: Mood, random: Random): Mood {
  const founders = five.slice(0, [3, 4, 4, 5][integerBelow(random, 4)]);
  return {
    ...mood,
    mood: "members",
    members: founders,
    spares: [11, 12, 13].slice(0, 1 + integerBelow(random, 3)),
    network: { ...mood.network, delayMsMean: 0.5 + random.next() * 8 },
    syncMs: new Map(founders.map((id) => [id, 0.5 + random.next() * 3])),
    safetyMs: 10_000,
    faultEveryMs: 150 + random.next() * 300,
    faults: [
      ...(["change", "change", "changeApart", "changeApart", "hastyChanges", "crashLeader", "transferTo"] as const),
      ...allFaults.filter(() => random.next() < 0.15),
    ],
    stubbornLink: false,
  };
}

/** Followers that need the state in many pieces, from leaders that do not stay. */
function snapshots(mood: Mood, random: Random): Mood {
  return {
    ...mood,
    mood: "snapshots",
    limits: {
      ...mood.limits,
      snapshotEntries: 10 + integerBelow(random, 10),
      tailEntries: 0,
      logBytesMax: 2000,
      snapshotChunkBytes: 16 + integerBelow(random, 100),
    },
    proposalEveryMs: 10 + random.next() * 20,
    lineBytesMax: 40,
    // Pieces take their time, and leaders must stay long enough to send some of them.
    scale: 0.6,
    safetyMs: 8_000,
    faultEveryMs: 150 + random.next() * 400,
    faults: ["isolate", "crash", "crashLeader", "transfer", "transfer"],
  };
}

const needsSpares = (fault: Fault): boolean =>
  fault === "change" || fault === "changeApart" || fault === "hastyChanges";

/** Large lines fill messages and logs. With tiny limits, worlds would do nothing but carry them. */
const takesLargeLines = ({
  snapshotChunkBytes = Infinity,
  uncommittedBytesMax = Infinity,
}: SimPlan["limits"]): boolean => snapshotChunkBytes >= 4096 && uncommittedBytesMax === Infinity;

function drawAny(random: Random): Mood {
  const chance = (probability: number): boolean => random.next() < probability;
  const members = chance(0.7) ? [1, 2, 3] : [1, 2, 3, 4, 5];
  const syncMs = new Map(members.map((id) => [id, 0.2 + random.next() * 2]));
  if (chance(0.5)) {
    const slow = members[integerBelow(random, members.length)]!;
    syncMs.set(slow, syncMs.get(slow)! * (20 + random.next() * 60));
  }
  const spares = [11, 12, 13].slice(0, chance(0.6) ? 0 : 1 + integerBelow(random, 3));
  const faults = allFaults.filter((fault) => chance(0.5) && (spares.length > 0 || !needsSpares(fault)));
  const losesPromises = faults.includes("wipe") || faults.includes("rot");
  const mood: Mood = {
    mood: "any",
    members,
    spares,
    network: {
      loss: chance(0.5) ? random.next() * 0.25 : 0,
      duplication: chance(0.5) ? random.next() * 0.5 : 0,
      delayMsMean: chance(0.5) ? 0.2 + random.next() : random.next() * 30,
      straggling: chance(0.3) ? random.next() * 0.1 : 0,
      encoded: chance(0.1),
    },
    syncMs,
    limits: drawLimits(random),
    // Elections that follow each other in a short time show the same as in a long one, and sooner.
    scale: chance(0.2) ? 1 : 0.15 + random.next() * 0.35,
    quickRestarts: 0.5,
    faultEveryMs: 50 + random.next() ** 2 * 1500,
    proposalEveryMs: 6 * 15 ** random.next(),
    lineBytesMax: chance(0.2) ? 2000 : 40,
    safetyMs: 3000 + random.next() ** 2 * 8000,
    faults,
    stubbornLink: !losesPromises && chance(0.4),
  };
  return takesLargeLines(mood.limits) ? mood : { ...mood, lineBytesMax: 40 };
}

/** Tiny limits bring the rare paths of a large system into a small one. */
function drawLimits(random: Random): SimPlan["limits"] {
  const chance = (probability: number): boolean => random.next() < probability;
  const tiny = (most: number): number => 1 + integerBelow(random, most);
  return {
    ...(chance(0.6) && { appendEntriesMax: tiny(4), appendBytesMax: 64 * tiny(5), inFlightMessagesMax: tiny(4) }),
    ...(chance(0.5) && { applyEntriesMax: tiny(3) }),
    ...(chance(0.6) && { snapshotEntries: 10 + tiny(40), tailEntries: integerBelow(random, 10) }),
    snapshotChunkBytes: chance(0.5) ? 16 * tiny(10) : 4096,
    uncommittedEntriesMax: chance(0.3) ? tiny(10) : 1000,
    ...(chance(0.3) && { uncommittedBytesMax: 200 * tiny(10) }),
    ...(chance(0.5) && { promotionLagMax: tiny(20) }),
  };
}
