import { integerBelow, type Random } from "@odradek/kit";

import { defaultHistory, type HistoryLimits } from "../config.ts";
import type { NetworkFaults } from "./sim-network.ts";
import type { Fault, Injection, SimPlan } from "./sim-plan.ts";

export type ClientFault = (typeof clientFaults)[number] | "rackFails" | "leaderCut" | "everythingStalls";
export type ClientInjection = { atMs: number; fault: ClientFault; chance: number };

/** What one seed draws for a whole service. */
export type ServicePlan = {
  members: number[];
  clients: number;
  network: NetworkFaults;
  syncMs: Map<number, number>;
  limits: SimPlan["limits"];
  /** Revisions kept for watches and readers whatever is configured. */
  historyRevisionsMax: number;
  history: HistoryLimits;
  /** A member takes so long at most until it reads what has come on a stream; each stream has its own time (RELIABILITY C-12). */
  streamLagMsMax: number;
  timeoutMs: number;
  /** How much of what the first client asks are reads. Reads wait for writes of the same session, so that some errors show only to those who seldom write. */
  readShare: number;
  /** Clients count under a lock. */
  counts: boolean;
  everyMs: number;
  safetyMs: number;
  schedule: Injection[];
  clientSchedule: ClientInjection[];
  /** Nothing happens that may cost a live client its session, or a dead one more than its time (RELIABILITY C-01, C-18). */
  calm: boolean;
};

const memberFaults = [
  ...(["crash", "crashAll", "crashLeader", "crashStarting", "isolate", "halves", "oneWay", "swizzle"] as const),
  ...(["pause", "diskHang", "diskFails", "wipe", "rot", "transfer", "shutDown"] as const),
] satisfies Fault[];
const clientFaults = [
  ...(["clientCut", "clientReset", "clientPause", "clientDies", "clientVanishes"] as const),
  ...(["clientRestarts", "clientCloses"] as const),
];

type Mood = Omit<ServicePlan, "schedule" | "clientSchedule"> & {
  faults: Fault[];
  faultEveryMs: number;
  clientFaults: ClientFault[];
  clientEveryMs: number;
};

export function drawServicePlan(random: Random): ServicePlan {
  const { faults, faultEveryMs, clientFaults: own, clientEveryMs, ...plan } = drawMood(random);
  const { calm, safetyMs } = plan;
  // A failover takes its time; in calm the next one comes when all clients have found the leader.
  const untilMs = safetyMs;
  const schedule = draw(random, faults, { fromMs: 2500, untilMs, everyMs: faultEveryMs, apartMs: calm ? 3000 : 0 });
  const apartMs = calm ? 1500 : 0;
  return {
    ...plan,
    schedule,
    clientSchedule: draw(random, own, { fromMs: 3500, untilMs, everyMs: clientEveryMs, apartMs }),
  };
}

function drawMood(random: Random): Mood {
  const mood = drawAny(random);
  const chance = random.next();
  if (chance < 0.3) return inCalm(mood, random);
  if (chance < 0.4) return slowCommits(mood, random);
  if (chance < 0.5) return shortLives(mood, random);
  return chance < 0.6 ? twoLeaders(mood, random) : mood;
}

/** Failovers and deaths one after the other, with time between them, on good disks and links. */
function inCalm(mood: Mood, random: Random): Mood {
  return {
    ...mood,
    calm: true,
    network: { ...mood.network, straggling: 0, delayMsMean: 1 },
    syncMs: new Map(mood.members.map((id) => [id, 0.3 + random.next() * 2])),
    streamLagMsMax: 0,
    timeoutMs: 6000,
    everyMs: 60,
    safetyMs: 9000 + random.next() * 5000,
    faults: ["crashLeader", "transfer"],
    faultEveryMs: 1000,
    clientFaults: [
      "everythingStalls",
      ...clientFaults.filter((fault) => fault !== "clientCut" && fault !== "clientPause"),
    ],
    clientEveryMs: 1000,
  };
}

/** Disks so slow that whatever is decided twice is decided before the first decision is committed. */
function slowCommits(mood: Mood, random: Random): Mood {
  return {
    ...mood,
    network: { ...mood.network, straggling: 0, delayMsMean: 1 },
    syncMs: new Map(mood.members.map((id) => [id, 40 + random.next() * 80])),
    everyMs: 20,
    limits: {},
    streamLagMsMax: 300,
    faults: ["transfer"],
    faultEveryMs: 3000,
    clientFaults: ["clientReset", "clientReset", "clientReset", "clientRestarts", "clientCloses"],
    clientEveryMs: 100 + random.next() * 200,
  };
}

/** Clients that come and go, some in the moment in which the leader does. */
function shortLives(mood: Mood, random: Random): Mood {
  return {
    ...mood,
    network: { ...mood.network, straggling: 0 },
    everyMs: 100,
    faults: ["crashLeader", "transfer"],
    faultEveryMs: 3000,
    clientFaults: ["rackFails", "rackFails", "clientRestarts", "clientDies"],
    clientEveryMs: 300 + random.next() * 700,
  };
}

/** Leaders that are cut off from the other members and not from their clients, some of which find the next one soon. */
function twoLeaders(mood: Mood, random: Random): Mood {
  return {
    ...mood,
    clients: 2 + integerBelow(random, 2),
    network: { ...mood.network, straggling: 0, delayMsMean: 1 },
    syncMs: new Map(mood.members.map((id) => [id, 0.3 + random.next() * 2])),
    streamLagMsMax: 0,
    readShare: 1,
    everyMs: 30 + random.next() * 10,
    safetyMs: 9000,
    faults: [],
    clientFaults: ["leaderCut"],
    clientEveryMs: 700,
  };
}

function drawAny(random: Random): Mood {
  const chance = (probability: number): boolean => random.next() < probability;
  const tiny = (most: number): number => 1 + integerBelow(random, most);
  const members = chance(0.8) ? [1, 2, 3] : [1, 2, 3, 4, 5];
  return {
    members,
    clients: 1 + tiny(3),
    network: {
      ...{ loss: 0, duplication: 0, encoded: true },
      delayMsMean: 0.5 + random.next() ** 2 * 20,
      straggling: chance(0.6) ? 0 : random.next() * 0.02,
    },
    syncMs: new Map(members.map((id) => [id, chance(0.2) ? 40 : 0.3 + random.next() * 2])),
    limits: {
      ...(chance(0.4) && { appendEntriesMax: tiny(4), inFlightMessagesMax: tiny(4) }),
      ...(chance(0.6) && { snapshotEntries: 10 + tiny(40), tailEntries: integerBelow(random, 10) }),
      ...(chance(0.3) && { snapshotChunkBytes: 200 * tiny(10), logBytesMax: 5000 }),
      ...(chance(0.2) && { uncommittedEntriesMax: 2 + tiny(5) }),
    },
    historyRevisionsMax: chance(0.3) ? tiny(20) : 8192,
    history: chance(0.4) ? { revisionsMax: tiny(60), ageMsMax: 500 + 4000 * random.next() } : defaultHistory,
    streamLagMsMax: chance(0.2) ? 300 : 0,
    timeoutMs: 2000 + random.next() * 4000,
    readShare: chance(0.3) ? 0.95 : 0.3,
    counts: chance(0.4),
    everyMs: 24 * 5 ** random.next(),
    safetyMs: 6000 + random.next() * 8000,
    calm: false,
    faults: memberFaults.filter(() => chance(0.5)),
    faultEveryMs: 300 + random.next() * 2500,
    clientFaults: clientFaults.filter(() => chance(0.5)),
    clientEveryMs: 500 + random.next() * 4000,
  };
}

function draw<F>(
  random: Random,
  faults: readonly F[],
  { fromMs, untilMs, everyMs, apartMs }: { fromMs: number; untilMs: number; everyMs: number; apartMs: number },
): { atMs: number; fault: F; chance: number }[] {
  const drawn: { atMs: number; fault: F; chance: number }[] = [];
  for (let atMs = fromMs; faults.length > 0; atMs += apartMs) {
    atMs -= Math.log(1 - random.next()) * everyMs;
    if (atMs > untilMs) break;
    drawn.push({
      atMs,
      fault: faults[integerBelow(random, faults.length)]!,
      chance: integerBelow(random, 0x7fff_ffff),
    });
  }
  return drawn;
}
