import { integerBelow, type Random } from "@odradek/kit";

import type { ClusterPlan } from "./cluster-plan.ts";
import { drawSchedule, type Fault } from "./schedule.ts";

/** What a world with cleanup.policy=compact promises of its records. */
export type CompactionPlan = {
  /** How many keys there are. */
  keys: number;
  /** delete.retention.ms. */
  deleteRetentionMs: number;
  /** min.compaction.lag.ms. */
  lagMs: number;
  /** The policy is compact,delete: old segments go as they are. */
  mayExpire: boolean;
  /** Mean time after which a consumer begins again. */
  rereadMs: number;
};

/** Few keys written again and again, deleted now and then, and compaction all the time, whatever else happens. */
export function compaction(plan: ClusterPlan, random: Random): ClusterPlan {
  const between = (least: number, most: number): number => Math.floor(least + random.next() * (most - least));
  const chance = (probability: number): boolean => random.next() < probability;
  const drawn: CompactionPlan = {
    keys: 2 + integerBelow(random, 12),
    deleteRetentionMs: between(300, 5_000),
    lagMs: chance(0.6) ? 0 : between(200, 1_500),
    mayExpire: chance(0.25),
    rereadMs: between(300, 3_000),
  };
  const { "log.retention.ms": _, ...kept } = plan.settings;
  const settings = {
    ...kept,
    "log.cleanup.policy": drawn.mayExpire ? "compact,delete" : "compact",
    "log.segment.bytes": `${between(200, 1_500)}`,
    "log.cleaner.backoff.ms": `${between(20, 300)}`,
    "log.cleaner.min.cleanable.ratio": (0.01 + random.next() * 0.5).toFixed(2),
    "log.cleaner.delete.retention.ms": `${drawn.deleteRetentionMs}`,
    "log.cleaner.min.compaction.lag.ms": `${drawn.lagMs}`,
    // Without `delete` in the policy nothing goes for its age or for its size (D8).
    "log.retention.bytes": `${between(1_000, 4_000)}`,
    "log.retention.check.interval.ms": `${between(100, 1_000)}`,
    "log.segment.delete.delay.ms": `${between(0, 500)}`,
  };
  // Wall clocks stay right: they decide when a tombstone may go.
  const faults: Fault[] = ["kill", "killLeader", "killAll", "losePower", "isolate", "pause", "stop", "diskHangs"];
  const harm = { faults, everyMs: 300 + random.next() * 1_000, untilMs: plan.safetyMs };
  const compacted = {
    ...plan,
    settings: drawn.mayExpire ? { ...settings, "log.retention.ms": `${between(2_000, 10_000)}` } : settings,
    everyMs: 25 + random.next() * 60,
    schedule: drawSchedule(random, harm),
    compaction: drawn,
  };
  if (chance(0.5)) return compacted;
  // Slow disks make it likely that a broker dies while one segment takes the place of others, and what many keys need stays needed until it is back.
  const syncMs = new Map(plan.brokers.map((id) => [id, between(10, 50)]));
  return { ...compacted, syncMs, compaction: { ...drawn, keys: 20 + integerBelow(random, 40) } };
}
