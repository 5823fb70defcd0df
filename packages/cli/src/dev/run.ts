import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { Failure } from "../terminal/failure.ts";
import { DevScreen } from "./screen.ts";
import { stopRequests } from "./stop-requests.ts";
import { DevCluster } from "./cluster.ts";
import { serveControl } from "./control.ts";
import { refuseBadSettings } from "./broker-settings.ts";
import { clearLeftovers, prepareDataDir, refuseOtherQuorum, refuseSecond } from "./data-dirs.ts";
import { planCluster, type NodePlan } from "./plan.ts";
import { choosePorts, hasLoopback6, type PortWishes } from "./ports.ts";
import { identify } from "./process-identity.ts";
import { nodeScripts } from "./scripts.ts";
import { removeState, writeState } from "./state-file.ts";

export type DevOptions = PortWishes & {
  dataDir: string;
  /** Data in a temporary directory that goes when the cluster stops. */
  ephemeral: boolean;
  settings: string[];
};

/** Runs a local cluster until it is told to stop. Resolves when all its processes are gone. */
export async function runDev(options: DevOptions): Promise<void> {
  const startedAt = performance.now();
  await refuseBadSettings(options.settings, options);
  const dataDir = resolve(options.dataDir);
  refuseSecond(dataDir);
  const screen = new DevScreen(dataDir);
  for (const name of clearLeftovers(dataDir)) screen.say(`ended ${name}, left by a \`dev\` that was killed`);
  const { plans, dataRoot } = await planDev(options, dataDir);
  // Only from here on is there something to stop in order; before, the signals' own way of ending a process is right.
  const stop = stopRequests();
  screen.starting(options);
  const cluster = new DevCluster(plans, screen);
  const { server, control } = await serveControl(cluster);
  const dev = identify(process.pid);
  const save = (): void => writeState(dataDir, { dev, control, nodes: cluster.nodes() });
  screen.onChange(save);
  save();
  try {
    const failed = await Promise.race([cluster.settled(), stop.first]);
    if (failed !== "stop") {
      refuseUseless(plans, failed);
      screen.started(cluster, plans, performance.now() - startedAt);
      await stop.first;
    }
    screen.say("stopping: brokers, then metadata nodes");
    void stop.second.then(() => cluster.kill());
  } finally {
    await cluster.stop();
    server.close();
    removeState(dataDir);
    if (options.ephemeral) rmSync(dataRoot, { recursive: true, force: true });
  }
  screen.say("stopped");
}

async function planDev(options: DevOptions, dataDir: string): Promise<{ plans: NodePlan[]; dataRoot: string }> {
  const logRoot = join(dataDir, "logs");
  // Nothing is made before all is known to be right: what is refused leaves no trace.
  if (!options.ephemeral) refuseOtherQuorum(dataDir, options.metadata);
  const ports = await choosePorts(options);
  prepareDataDir(dataDir, logRoot);
  const dataRoot = options.ephemeral ? mkdtempSync(join(tmpdir(), "odradek-")) : dataDir;
  const plans = planCluster({
    ports,
    dataRoot,
    logRoot,
    loopback6: hasLoopback6(),
    settings: options.settings,
    scripts: nodeScripts(),
  });
  return { plans, dataRoot };
}

/** A cluster that lost a broker while starting is worth looking at; one without a quorum or any broker is not. */
function refuseUseless(plans: readonly NodePlan[], failed: readonly NodePlan[]): void {
  for (const [role, needed] of [
    ["metadata", Math.floor(plans.filter((plan) => plan.role === "metadata").length / 2) + 1],
    ["broker", 1],
  ] as const) {
    const serving = plans.filter((plan) => plan.role === role && !failed.includes(plan)).length;
    if (serving >= needed) continue;
    const logs = failed.map(({ logFile }) => relative(process.cwd(), logFile)).join(", ");
    throw new Failure("unhealthy", `too few ${role} processes came up: see ${logs}`);
  }
}
