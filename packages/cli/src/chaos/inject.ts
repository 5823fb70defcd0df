import { allNodes, type ChaosCluster } from "./cluster.ts";
import type { Fault, NodeName } from "./schedule.ts";

type Restart = (node: NodeName) => Promise<void>;

/** Commits the fault. Resolves when it is in force, and a rolling restart when it is over. */
export async function begin(
  cluster: ChaosCluster,
  fault: Fault,
  { restart, whole, stop }: { restart: Restart; whole: () => Promise<unknown>; stop: AbortSignal },
): Promise<void> {
  switch (fault.is) {
    case "kill":
      return cluster.signal(fault.node, "SIGKILL");
    case "pause":
      return cluster.signal(fault.node, "SIGSTOP");
    case "disk-full":
      return cluster.setDiskFull(fault.node, true);
    case "clock":
      return cluster.setClock(fault.node, fault.offsetMs);
    case "partition":
      for (const { from, to } of fault.cuts) cluster.setWeather(from, to, { isCut: true });
      return;
    case "slow": {
      const { node, delayMs, jitterMs, bytesPerSecond } = fault;
      for (const other of allNodes(cluster)) {
        if (other === node) continue;
        cluster.setWeather(node, other, { delayMs, jitterMs, bytesPerSecond });
        cluster.setWeather(other, node, { delayMs, jitterMs, bytesPerSecond });
      }
      return;
    }
    case "rolling":
      for (const node of allNodes(cluster)) {
        if (stop.aborted) return;
        await restart(node);
        await whole();
      }
  }
}

/** Takes the fault back. Resolves when all processes run again; whether they are in step is another question. */
export async function heal(cluster: ChaosCluster, fault: Fault, restart: Restart): Promise<void> {
  switch (fault.is) {
    case "kill":
      return restart(fault.node);
    case "pause":
      return cluster.signal(fault.node, "SIGCONT");
    case "disk-full":
      cluster.setDiskFull(fault.node, false);
      // The broker has ended, as Kafka's do when their only directory fails; and its logs must be recovered (RELIABILITY L-08).
      return restart(fault.node);
    case "clock":
      return cluster.setClock(fault.node, 0);
    case "partition":
    case "slow":
      return cluster.clearWeather();
    case "rolling":
  }
}
