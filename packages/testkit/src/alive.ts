import { SystemClock } from "@odradek/kit";

/** What starting or stopping may take on a machine that is very busy; whoever waits longer waits for nothing. */
const MS_MAX = 60_000;

const clock = new SystemClock({ keepsAlive: true });

/** Keeps the process alive while `work` is under way: timers of the nodes do not, so that a forgotten one keeps nobody from ending. */
export async function keptAlive<T>(work: () => Promise<T>): Promise<T> {
  const cancel = clock.timer(MS_MAX, () => {});
  try {
    return await work();
  } finally {
    cancel();
  }
}
