import { integerBelow, type Random } from "@odradek/kit";

import type { NetworkFaults } from "./sim-network.ts";
import type { Fault, Injection, SimPlan } from "./sim-plan.ts";

export type ClientFault = "clientCut" | "clientPause" | "clientDies" | "everythingStalls";
export type ClientInjection = { atMs: number; fault: ClientFault; chance: number };

/** What one seed draws for a whole service. */
export type ServicePlan = {
  members: number[];
  clients: number;
  network: NetworkFaults;
  syncMs: Map<number, number>;
  limits: SimPlan["limits"];
  /** Revisions kept for watches. */
  historyRevisionsMax: number;
  timeoutMs: number;
  everyMs: number;
  safetyMs: number;
  schedule: Injection[];
  clientSchedule: ClientInjection[];
  /** Nothing happens that may cost a live client its session (RELIABILITY C-01, C-18). */
  sessionsLast: boolean;
};

const memberFaults = [
  ...(["crash", "crashAll", "crashLeader", "crashStarting", "isolate", "halves", "oneWay", "swizzle"] as const),
  ...(["pause", "diskHang", "diskFails", "wipe", "rot", "transfer", "shutDown"] as const),
] satisfies Fault[];
const clientFaults: ClientFault[] = ["clientCut", "clientPause", "clientDies"];

export function drawServicePlan(random: Random): ServicePlan {
  const chance = (probability: number): boolean => random.next() < probability;
  const tiny = (most: number): number => 1 + integerBelow(random, most);
  const members = chance(0.8) ? [1, 2, 3] : [1, 2, 3, 4, 5];
  const safetyMs = 6000 + random.next() * 8000;
  const sessionsLast = chance(0.4);
  const faults: Fault[] = sessionsLast ? ["crashLeader", "transfer"] : memberFaults.filter(() => chance(0.5));
  const own: ClientFault[] = sessionsLast ? ["everythingStalls"] : clientFaults.filter(() => chance(0.5));
  return {
    members,
    clients: 1 + tiny(3),
    network: {
      ...{ loss: 0, duplication: 0, encoded: true },
      delayMsMean: sessionsLast ? 1 : 0.5 + random.next() ** 2 * 20,
      straggling: sessionsLast || chance(0.6) ? 0 : random.next() * 0.02,
    },
    syncMs: new Map(members.map((id) => [id, !sessionsLast && chance(0.2) ? 40 : 0.3 + random.next() * 2])),
    limits: {
      ...(chance(0.4) && { appendEntriesMax: tiny(4), inFlightMessagesMax: tiny(4) }),
      ...(chance(0.6) && { snapshotEntries: 10 + tiny(40), tailEntries: integerBelow(random, 10) }),
      ...(chance(0.3) && { snapshotChunkBytes: 200 * tiny(10), logBytesMax: 5000 }),
      ...(chance(0.2) && { uncommittedEntriesMax: 2 + tiny(5) }),
    },
    historyRevisionsMax: chance(0.3) ? tiny(20) : 8192,
    timeoutMs: sessionsLast ? 6000 : 2000 + random.next() * 4000,
    everyMs: 16 * 8 ** random.next(),
    safetyMs,
    sessionsLast,
    // A failover takes its time; the next one comes when all clients have found the leader.
    schedule: draw(random, faults, {
      fromMs: 2500,
      untilMs: safetyMs,
      everyMs: sessionsLast ? 1000 : 300 + random.next() * 2500,
      apartMs: sessionsLast ? 3000 : 0,
    }),
    clientSchedule: draw(random, own, {
      fromMs: 3500,
      untilMs: safetyMs,
      everyMs: 500 + random.next() * 4000,
      apartMs: sessionsLast ? 20_000 : 0,
    }),
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
