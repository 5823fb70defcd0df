import { integerBelow, type Random } from "@odradek/kit";

import type { ClusterPlan } from "./cluster-plan.ts";
import { drawSchedule, type Fault } from "./schedule.ts";

/** Several data directories, on disks that fill up, take no more writes, or die, some of them for good. */
export function diskFailures(plan: ClusterPlan, random: Random): ClusterPlan {
  const directories = 1 + integerBelow(random, 3);
  const isDurable = random.next() < 0.5;
  const settings = {
    ...plan.settings,
    "log.segment.bytes": `${200 + integerBelow(random, 1_500)}`,
    "log.segment.delete.delay.ms": `${integerBelow(random, 500)}`,
    ...(isDurable && { "log.flush.interval.messages": "1" }),
  };
  const disks: Fault[] = ["diskDies", "diskDies", "diskFull", "writeFails", "syncFails", "diskHangs"];
  const faults: Fault[] = [...disks, ...disks, "kill", "killLeader", "losePower", "stop", "isolate"];
  if (isDurable) faults.push("syncFails", "syncFails", "losePower", "losePowerAll", "losePowerAll");
  return {
    ...plan,
    settings,
    isDurable,
    directories,
    partitions: 1 + integerBelow(random, directories + 1),
    diskStaysDead: directories > 1 && random.next() < 0.6,
    schedule: drawSchedule(random, { faults, everyMs: 250 + random.next() * 600, untilMs: plan.safetyMs }),
  };
}
