import { type Distribution, distributionOf } from "../figures.ts";
import { members, pause, type Store, within } from "./store.ts";

export type Fault = "kill" | "stop";

/** Milliseconds from the fault until the first write is acknowledged that was begun after it. */
export type WriteGap = { fault: Fault; gap: Distribution; trials: number[] };

/** No store here takes longer; one that does is reported as an error, not as a figure. */
const gapMsMax = 60_000;
/** For whoever came back to follow again, and for the writer to be at its usual pace. */
const settleMs = 150;

/** Kills the leader, or stops it, while a writer writes; brings it back; again. */
export async function measureFailover(store: Store, fault: Fault, trials: number): Promise<WriteGap> {
  let faultMs = Infinity;
  let recovered: (atMs: number) => void = () => {};
  const writer = await store.writer(`/bench/failover-${fault}`, (begunMs) => {
    if (begunMs > faultMs) recovered(performance.now());
  });
  const gaps: number[] = [];
  try {
    for (let trial = 0; trial < trials; trial++) {
      const leader = await store.leader();
      await pause(settleMs);
      const member = store.member(leader);
      const recovery = new Promise<number>((resolve) => (recovered = resolve));
      member.signal(fault === "kill" ? "SIGKILL" : "SIGSTOP");
      faultMs = performance.now();
      gaps.push((await within(recovery, gapMsMax)) - faultMs);
      faultMs = Infinity;
      if (fault === "stop") member.signal("SIGCONT");
      else {
        await member.kill();
        member.start();
      }
      await Promise.all(members.map((each) => store.serves(each)));
    }
  } finally {
    await writer.stop();
  }
  return { fault, gap: distributionOf(gaps), trials: gaps };
}
