import { stopRequests } from "../dev/stop-requests.ts";
import { findRunning } from "../dev/state-file.ts";
import { Failure } from "../terminal/failure.ts";
import { tell } from "../terminal/output.ts";
import type { ChaosCluster } from "./cluster.ts";
import { OwnCluster, type OwnClusterOptions } from "./own-cluster.ts";
import { runChaos, type ChaosOptions } from "./run.ts";
import { RunningCluster } from "./running-cluster.ts";
import { workloadMsMax } from "./workload.ts";
import type { ChaosReport } from "./report.ts";

export type CommandOptions = ChaosOptions &
  OwnClusterOptions & {
    /** A cluster of its own even if a `dev` runs. */
    fresh: boolean;
    /** Of the `dev` to break, if not the one here or above. */
    dataDir: string | undefined;
    /** Each kind was asked for by name: one that is not possible is no footnote. */
    isNamed: boolean;
  };

/** Breaks the running `dev` or a cluster started for it, and takes everything away that is not needed to find out why. */
export async function runChaosCommand(options: CommandOptions): Promise<ChaosReport> {
  if (options.verify && options.forMs > workloadMsMax)
    throw new Failure("usage", `--verify remembers every record: --for takes ${workloadMsMax / 3_600_000}h at most`);
  const stopping = stopRequests();
  const stop = new AbortController();
  void stopping.first.then(() => stop.abort());
  const cluster = await open(options);
  void stopping.second.then(() => {
    cluster.kill();
    process.exit(130);
  });
  let keepData = true;
  try {
    refuseImpossible(cluster, options);
    const report = await runChaos(cluster, options, stop.signal);
    keepData = !report.isOk;
    return report;
  } finally {
    await cluster.close({ keepData });
  }
}

async function open(options: CommandOptions): Promise<ChaosCluster> {
  if (!options.fresh && (options.dataDir !== undefined || findRunning() !== null)) {
    const running = new RunningCluster(options.dataDir);
    tell(`breaking the cluster of \`odradek dev\`   bootstrap ${running.roster.bootstrap}`);
    return running;
  }
  tell(`starting ${options.metadata} metadata nodes and ${options.brokers} brokers`);
  const own = await OwnCluster.start(options);
  tell(`data and logs in ${own.directory}   bootstrap ${own.roster.bootstrap}`);
  return own;
}

function refuseImpossible(cluster: ChaosCluster, { kinds, isNamed }: CommandOptions): void {
  if (!isNamed) return;
  for (const kind of kinds) {
    const why = cluster.obstacle(kind);
    if (why !== null) throw new Failure("usage", `${kind} is not possible here: ${why}`);
  }
}
