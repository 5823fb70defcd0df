import { relative } from "node:path";
import { firstCommands, nodeCommand, statusTable } from "./banner.ts";
import type { ClusterReport, DevCluster } from "./cluster.ts";
import type { LogLine } from "./log-tail.ts";
import type { NodeEnd } from "./node-process.ts";
import type { NodePlan } from "./plan.ts";

const warnLevel = 40;

/** What `dev` shows: the banner and what happens to the nodes on stdout, the nodes' warnings on stderr. */
export class DevScreen implements ClusterReport {
  readonly #dataDir: string;
  #isReady = false;
  #changed: () => void = () => {};

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** What else is to happen when a node has a new process. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  starting(options: { metadata: number; brokers: number; ephemeral: boolean }): void {
    const dataDir = this.#dataDir;
    const data = options.ephemeral ? "until it stops" : shown(dataDir);
    const nodes = `${options.metadata} metadata, ${options.brokers} broker${options.brokers === 1 ? "" : "s"}`;
    this.say(`odradek   ${nodes}   data ${data}   logs ${shown(dataDir)}/logs`);
  }

  /** All nodes serve, or those that have ended meanwhile are named. */
  started(cluster: DevCluster, plans: readonly NodePlan[], tookMs: number): void {
    this.#isReady = true;
    const took = `${(tookMs / 1000).toFixed(1)} s`;
    const ended = cluster.states().filter(({ is }) => is === "ended");
    this.say(`\n${statusTable(cluster)}\n${firstCommands(plans, this.#dataDir)}`);
    if (ended.length === 0) return this.say(`ready in ${took}; Ctrl-C stops everything`);
    const names = ended.map(({ plan }) => `${plan.role} ${plan.id} (${shown(plan.logFile)})`).join(", ");
    this.say(`NOT COMPLETE after ${took}: did not come up: ${names}; the others run, Ctrl-C stops everything`);
  }

  changed(): void {
    this.#changed();
  }

  line(plan: NodePlan, line: LogLine): void {
    if ((line.level ?? 0) >= warnLevel) process.stderr.write(`${plan.role} ${plan.id} | ${line.msg}\n`);
  }

  nodeReady(plan: NodePlan): void {
    if (this.#isReady) this.say(`${plan.role} ${plan.id} is back`);
  }

  died(plan: NodePlan, end: NodeEnd): void {
    const how = end.code === 0 ? "has stopped" : `died (${end.signal ?? `exit code ${end.code}`})`;
    const node = `${plan.role} ${plan.id}`;
    this.say(`${node} ${how}; start it again: ${nodeCommand("restart", node, this.#dataDir)}`);
    if (end.signal === null && end.code !== 0 && end.lastLine !== "") this.say(`  its last words: ${end.lastLine}`);
  }
}

function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near || ".";
}
