import { integerBelow, type Random } from "@odradek/kit";

/** `chance` seeds the details: who, how long. */
export type Injection = { atMs: number; fault: Fault; chance: number };

/** What is not in the list belongs to some moods only. */
export type Fault =
  | (typeof allFaults)[number]
  | DiskFault
  | "muteLeader"
  | "deposeLeader"
  | "absence"
  | "losePowerFirstBack";

export type DiskFault = "diskFull" | "diskDies";

export const allFaults = [
  ...(["kill", "killLeader", "killLeader", "killAll", "killStarting", "losePower", "losePowerAll"] as const),
  ...(["pause", "pauseLeader", "isolate", "isolateLeader", "oneWay", "fromStore"] as const),
  ...(["diskHangs", "writeFails", "syncFails", "clockJumps"] as const),
  ...(["stop", "rolling", "memberCrash", "memberLeaderCrash"] as const),
] satisfies string[];

/** The cluster is founded, the topic made and the first records written by then. */
export const foundedMs = 3_000;

/** Harm at random times, one every `everyMs` or so. */
export function drawSchedule(
  random: Random,
  { faults, everyMs, untilMs }: { faults: readonly Fault[]; everyMs: number; untilMs: number },
): Injection[] {
  const schedule: Injection[] = [];
  for (let atMs = foundedMs; faults.length > 0;) {
    atMs -= Math.log(1 - random.next()) * everyMs;
    if (atMs > untilMs) break;
    const fault = faults[integerBelow(random, faults.length)]!;
    schedule.push({ atMs, fault, chance: integerBelow(random, 0x7fff_ffff) });
  }
  return schedule;
}
