import { integerBelow, type Random } from "@odradek/kit";

import { compaction, type CompactionPlan } from "./compaction-plan.ts";
import { diskFailures } from "./disk-plan.ts";
import { moves } from "./moves-plan.ts";
import { allFaults, drawSchedule, type Fault, foundedMs, type Injection } from "./schedule.ts";

/** What one seed draws: a swarm of different worlds finds more than one world for long (RELIABILITY §6.3). */
export type ClusterPlan = {
  brokers: number[];
  members: number[];
  partitions: number;
  replicas: number;
  minInSync: number;
  /** Acknowledged means on stable storage: the power of all may go at once. */
  isDurable: boolean;
  delayMsMean: number;
  /** Of each broker, each on a disk of its own. */
  directories: number;
  /** After all other harm a disk dies for longer than anybody would wait for it. */
  diskStaysDead: boolean;
  /** Mean time of a sync, by broker. */
  syncMs: Map<number, number>;
  settings: Record<string, string>;
  plainProducers: number;
  idempotentProducers: number;
  everyMs: number;
  batchRecordsMax: number;
  valueBytesMax: number;
  fetchBytesMax: number;
  /** Of the plain producers: 1 is content with the leader alone. */
  acks: -1 | 1;
  /** Bounds of the replication streams. */
  streams: { messageBytes: number; turnBytes: number; unacknowledgedBytesMax: number } | null;
  requestTimeoutMs: number;
  /** Probability that a process that ended is back at once; else it takes up to four seconds. */
  quickRestarts: number;
  safetyMs: number;
  /** Null: no record is ever replaced by a newer one. */
  compaction: CompactionPlan | null;
  /** Each broker and each consumer stands in a rack, and consumers read from the replica in theirs. */
  hasRacks: boolean;
  /** Partitions are moved, topics come and go: mean time between two such orders. Null: everything stays where it is. */
  movesEveryMs: number | null;
  /** All harm that will be done, in order of time: drawn beforehand, so that a failing world can be tried with less of it. */
  schedule: Injection[];
};

export function drawClusterPlan(random: Random): ClusterPlan {
  const plan = drawAny(random);
  const mood = random.next();
  if (mood < 0.12) return retention(plan, random);
  if (mood < 0.24) return amnesia(plan, random);
  if (mood < 0.36) return elections(plan, random);
  if (mood < 0.46) return powerLosses(plan, random);
  if (mood < 0.52) return evictions(plan, random);
  if (mood < 0.56) return awakenings(plan, random);
  if (mood < 0.6) return lostTails(plan, random);
  if (mood > 0.77 && mood < 0.845) return diskFailures(plan, random);
  if (mood > 0.6 && mood < 0.67) return moves(plan, random);
  if (mood > 0.67 && mood < 0.73) return { ...elections(plan, random), hasRacks: true };
  if (mood > 0.73 && mood < 0.77) return handovers(plan, random);
  if (mood > 0.865 && mood < 0.9) return depositions(plan, random);
  return mood > 0.905 && mood < 0.98 ? compaction(plan, random) : plan;
}

/** Logs that hardly keep anything, and followers that were away meanwhile. */
function retention(plan: ClusterPlan, random: Random): ClusterPlan {
  const bytes = 200 + integerBelow(random, 600);
  const settings = {
    ...plan.settings,
    "log.segment.bytes": `${bytes}`,
    "log.retention.bytes": `${bytes * (1 + integerBelow(random, 3))}`,
    "log.retention.ms": `${500 + integerBelow(random, 3_000)}`,
    "log.retention.check.interval.ms": `${50 + integerBelow(random, 300)}`,
    "replica.lag.time.max.ms": `${300 + integerBelow(random, 600)}`,
  };
  const faults: Fault[] = ["isolate", "kill", "isolate", "losePower", "killLeader"];
  const schedule = drawSchedule(random, { faults, everyMs: 900, untilMs: plan.safetyMs });
  return { ...plan, settings, everyMs: 20 + random.next() * 30, quickRestarts: 0.2, schedule };
}

/** Retention takes batches before their producer hears of them, and whoever may lead next has just started anew behind it (I-04). */
function evictions(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = {
    ...plan.settings,
    "log.segment.bytes": `${100 + integerBelow(random, 200)}`,
    "log.retention.ms": `${50 + integerBelow(random, 400)}`,
    "log.retention.check.interval.ms": `${20 + integerBelow(random, 80)}`,
    "log.segment.delete.delay.ms": "0",
    "replica.lag.time.max.ms": `${300 + integerBelow(random, 300)}`,
    "odradek.session.timeout.ms": "2000",
  };
  const faults: Fault[] = ["absence", "absence", "muteLeader", "muteLeader", "muteLeader", "kill", "killLeader"];
  // Slow disks, and brokers that all die, forget what is not on them yet.
  const isSlow = random.next() < 0.4;
  const syncMs = isSlow ? new Map(plan.brokers.map((id) => [id, 5 + random.next() * 40])) : plan.syncMs;
  const harm = isSlow ? { faults: [...faults, "killAll" as const], everyMs: 300 } : { faults, everyMs: 400 };
  const schedule = drawSchedule(random, { ...harm, untilMs: plan.safetyMs });
  const clients = { plainProducers: 1, idempotentProducers: 2, requestTimeoutMs: 200 + random.next() * 300 };
  return { ...plan, ...clients, settings, syncMs, everyMs: 30 + random.next() * 60, quickRestarts: 0.6, schedule };
}

/** Leaders that stood still while others were elected, and find a heap of requests and news when they wake up. */
function awakenings(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = { ...plan.settings, "odradek.session.timeout.ms": "2000" };
  const faults: Fault[] = ["pauseLeader", "pauseLeader", "pauseLeader", "pause", "killLeader"];
  const schedule = drawSchedule(random, { faults, everyMs: 400, untilMs: plan.safetyMs });
  return { ...plan, settings, everyMs: 10 + random.next() * 30, quickRestarts: 0.8, schedule };
}

/** All brokers die again and again, and come back with what they remembered of the high watermark long ago. */
function amnesia(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = {
    ...plan.settings,
    "replica.high.watermark.checkpoint.interval.ms": "60000",
    "replica.lag.time.max.ms": `${300 + integerBelow(random, 600)}`,
  };
  const faults: Fault[] = ["killAll", "killAll", "isolate", "kill", "pause", "losePower"];
  const schedule = drawSchedule(random, { faults, everyMs: 600, untilMs: plan.safetyMs });
  return { ...plan, settings, quickRestarts: 0.5 + random.next() * 0.5, schedule };
}

/** All die at once, nothing has been synced for long, and who has lost its tail is back first. */
function lostTails(plan: ClusterPlan, random: Random): ClusterPlan {
  const { "log.flush.interval.messages": _none, ...others } = plan.settings;
  const settings = {
    ...others,
    "log.segment.bytes": "1000000",
    "log.flush.offset.checkpoint.interval.ms": "60000",
    "replica.lag.time.max.ms": `${300 + integerBelow(random, 600)}`,
    "odradek.session.timeout.ms": "2000",
  };
  const faults: Fault[] = ["losePowerFirstBack", "losePowerFirstBack", "kill", "isolate", "losePower"];
  const schedule = drawSchedule(random, { faults, everyMs: 700, untilMs: plan.safetyMs });
  return { ...plan, isDurable: false, minInSync: 2, acks: -1, settings, everyMs: 20 + random.next() * 40, schedule };
}

/** One short reign after the other, with few records in each. */
function elections(plan: ClusterPlan, random: Random): ClusterPlan {
  const faults: Fault[] = ["killLeader", "killLeader", "isolateLeader", "stop", "losePower"];
  const schedule = drawSchedule(random, { faults, everyMs: 350, untilMs: plan.safetyMs });
  return { ...plan, everyMs: 40 + random.next() * 200, quickRestarts: 0.8 + random.next() * 0.2, schedule };
}

/** Each record is synced before it counts, by slow disks, and the power goes again and again. */
function powerLosses(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = {
    ...plan.settings,
    "log.flush.interval.messages": "1",
    "log.segment.bytes": `${200 + integerBelow(random, 600)}`,
  };
  const syncMs = new Map(plan.brokers.map((id) => [id, 5 + random.next() * 40]));
  const faults: Fault[] = ["losePowerAll", "losePowerAll", "losePower", "killLeader"];
  const schedule = drawSchedule(random, { faults, everyMs: 700, untilMs: plan.safetyMs });
  return { ...plan, isDurable: true, settings, syncMs, quickRestarts: 0.8, schedule };
}

/** Leaders hand over again and again, while slow disks still sync what must be synced before it counts. */
function handovers(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = { ...plan.settings, "log.flush.interval.messages": "1" };
  const syncMs = new Map(plan.brokers.map((id) => [id, 10 + random.next() * 35]));
  const faults: Fault[] = ["rolling", "stop", "diskHangs", "losePowerAll"];
  const schedule = drawSchedule(random, { faults, everyMs: 500, untilMs: plan.safetyMs });
  return { ...plan, isDurable: true, settings, syncMs, quickRestarts: 0.8, schedule };
}

/** Leaders that go on alone until others lead, cut off what nobody else has, and lead again soon. */
function depositions(plan: ClusterPlan, random: Random): ClusterPlan {
  const settings = {
    ...plan.settings,
    "odradek.session.timeout.ms": "2000",
    "replica.lag.time.max.ms": `${1_000 + integerBelow(random, 2_000)}`,
    "leader.imbalance.check.interval.seconds": "1",
  };
  const faults: Fault[] = ["deposeLeader", "deposeLeader", "stop", "killLeader"];
  const schedule = drawSchedule(random, { faults, everyMs: 1_200, untilMs: plan.safetyMs });
  const clients = { plainProducers: 1, idempotentProducers: 2, requestTimeoutMs: 1_000 + random.next() * 2_000 };
  return {
    ...plan,
    ...clients,
    settings,
    partitions: 1,
    everyMs: 20 + random.next() * 60,
    quickRestarts: 0.9,
    schedule,
  };
}

function drawAny(random: Random): ClusterPlan {
  const chance = (probability: number): boolean => random.next() < probability;
  const upTo = (most: number): number => 1 + integerBelow(random, most);
  const brokers = chance(0.8) ? [1, 2, 3] : [1, 2, 3, 4];
  const isDurable = chance(0.25);
  const syncMs = new Map(brokers.map((id) => [id, 0.3 + random.next() * 3]));
  if (chance(0.3)) syncMs.set(brokers[integerBelow(random, brokers.length)]!, 30 + random.next() * 60);
  const safetyMs = foundedMs + 4_000 + random.next() * 8_000;
  return {
    brokers,
    members: chance(0.7) ? [1] : [1, 2, 3],
    partitions: upTo(2),
    replicas: 3,
    minInSync: chance(0.8) ? 2 : 1,
    isDurable,
    directories: 1,
    diskStaysDead: false,
    delayMsMean: chance(0.6) ? 0.3 + random.next() : random.next() * 8,
    syncMs,
    settings: drawSettings(random, isDurable),
    plainProducers: upTo(2),
    idempotentProducers: upTo(2),
    everyMs: chance(0.15) ? 600 : 20 * 8 ** random.next(),
    batchRecordsMax: upTo(4),
    valueBytesMax: chance(0.7) ? 40 : 400,
    fetchBytesMax: chance(0.5) ? 200 * upTo(10) : 64 * 1024,
    acks: chance(0.15) ? 1 : -1,
    streams: chance(0.4)
      ? { messageBytes: 100 * upTo(10), turnBytes: 100 * upTo(5), unacknowledgedBytesMax: 300 * upTo(10) }
      : null,
    requestTimeoutMs: 300 + random.next() * 1500,
    quickRestarts: random.next(),
    safetyMs,
    compaction: null,
    hasRacks: false,
    movesEveryMs: null,
    schedule: drawSchedule(random, { ...drawHarm(random, isDurable), untilMs: safetyMs }),
  };
}

function drawHarm(random: Random, isDurable: boolean): { faults: Fault[]; everyMs: number } {
  const faults = allFaults.filter((fault) => random.next() < 0.5 && (isDurable || fault !== "losePowerAll"));
  return { faults, everyMs: 150 + random.next() ** 2 * 2_000 };
}

/** Tiny limits bring the rare paths of a large system into a small one. */
function drawSettings(random: Random, isDurable: boolean): Record<string, string> {
  const between = (least: number, most: number): string => `${Math.floor(least + random.next() * (most - least))}`;
  const chance = (probability: number): boolean => random.next() < probability;
  return {
    "log.segment.bytes": chance(0.7) ? between(200, 3_000) : "1000000",
    "log.index.interval.bytes": between(1, 400),
    "log.segment.delete.delay.ms": between(0, 2_000),
    "replica.lag.time.max.ms": between(400, 3_000),
    "replica.high.watermark.checkpoint.interval.ms": between(100, 5_000),
    "log.flush.offset.checkpoint.interval.ms": between(200, 6_000),
    "odradek.session.timeout.ms": between(2_000, 5_000),
    "odradek.connect.timeout.ms": "20000",
    "leader.imbalance.check.interval.seconds": between(1, 10),
    "auto.create.topics.enable": "false",
    "num.recovery.threads.per.data.dir": between(1, 3),
    ...(isDurable && { "log.flush.interval.messages": "1" }),
    ...(chance(0.2) && {
      "log.retention.bytes": between(1_000, 20_000),
      "log.retention.ms": between(1_000, 20_000),
      "log.retention.check.interval.ms": between(100, 1_000),
    }),
    ...(!isDurable && chance(0.3) && { "log.flush.interval.messages": between(2, 30) }),
  };
}
