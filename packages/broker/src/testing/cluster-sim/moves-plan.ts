import { integerBelow, type Random } from "@odradek/kit";

import type { ClusterPlan } from "./cluster-plan.ts";
import { drawSchedule, type Fault } from "./schedule.ts";

/** Partitions wander over five brokers, which come and go themselves. No power is lost: what of another topic is in sync again nobody watches. Nothing goes for its age: what was acknowledged can be read. */
export function moves(plan: ClusterPlan, random: Random): ClusterPlan {
  const brokers = random.next() < 0.3 ? [1, 2, 3, 4] : [1, 2, 3, 4, 5];
  const syncMs = new Map(brokers.map((id) => [id, 0.3 + random.next() * 3]));
  const faults: Fault[] = [
    "kill",
    "killLeader",
    "killAll",
    "isolate",
    "isolateLeader",
    "fromStore",
    "pause",
    "absence",
    "stop",
    "memberCrash",
  ];
  const schedule = drawSchedule(random, { faults, everyMs: 300 + random.next() * 900, untilMs: plan.safetyMs });
  const { "log.retention.ms": _ms, "log.retention.bytes": _bytes, ...settings } = plan.settings;
  return {
    ...plan,
    settings,
    brokers,
    syncMs,
    replicas: 2 + integerBelow(random, 2),
    movesEveryMs: 50 + random.next() ** 2 * 800,
    schedule,
  };
}
