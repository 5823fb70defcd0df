import { SeededRandom } from "@odradek/kit/testing";
import { tell } from "../terminal/output.ts";
import { allNodes, type ChaosCluster } from "./cluster.ts";
import { begin, heal } from "./inject.ts";
import { isOk, type ChaosReport, type FaultReport } from "./report.ts";
import { groupOf, schedule, tellFault, type Fault, type FaultKind, type NodeName } from "./schedule.ts";
import { whole } from "./whole.ts";
import { Workload, type WorkloadOutcome } from "./workload.ts";

export type ChaosOptions = {
  kinds: readonly FaultKind[];
  everyMs: number;
  forMs: number;
  seed: number;
  /** With a workload whose history is judged. */
  verify: boolean;
};

/** RELIABILITY L2 gives 10 s of simulated time; here processes start, and wait for a core. */
const wholeMsMax = 60_000;
/** What the restart itself costs shows within this long after everything is in sync. */
const settleMs = 1_000;
const warmOperations = 100;
const startsMax = 3;

/** Commits fault after fault until the time is over or `stop` says so; leaves the cluster healed. */
export async function runChaos(cluster: ChaosCluster, options: ChaosOptions, stop: AbortSignal): Promise<ChaosReport> {
  const run = new ChaosRun(cluster, options, stop);
  return run.run();
}

class ChaosRun {
  readonly #cluster: ChaosCluster;
  readonly #options: ChaosOptions;
  readonly #stop: AbortSignal;
  readonly #workload: Workload | null;
  readonly #faults: FaultReport[] = [];
  readonly #problems: string[] = [];
  #startedMs = 0;

  constructor(cluster: ChaosCluster, options: ChaosOptions, stop: AbortSignal) {
    this.#cluster = cluster;
    this.#options = options;
    this.#stop = stop;
    this.#workload = options.verify ? new Workload(cluster.roster.bootstrap, `chaos-${Date.now()}`) : null;
  }

  async run(): Promise<ChaosReport> {
    const { kinds, seed } = this.#options;
    const skipped = kinds.flatMap((kind) => {
      const why = this.#cluster.obstacle(kind);
      return why === null ? [] : [{ kind, why }];
    });
    const possible = kinds.filter((kind) => this.#cluster.obstacle(kind) === null);
    if (!(await this.#whole(wholeMsMax)) && !this.#stop.aborted)
      this.#problem("the cluster was not whole to begin with");
    const workload = await this.#underLoad(() => this.#commitAll(possible)).catch((error: unknown) => {
      this.#problem(`the run could not go on: ${textOf(error)}`); // what it has found until here is worth telling
      return null;
    });
    const { metadata, brokers } = this.#cluster.roster.nodes;
    const outcome = { problems: this.#problems, workload };
    return {
      seed,
      cluster: `${metadata.length} metadata nodes, ${brokers.length} brokers`,
      faults: this.#faults,
      skipped,
      ...outcome,
      isOk: isOk(outcome),
      wasStopped: this.#stop.aborted,
    };
  }

  /** The workload's verdict, after `work`; null without a workload, or when the run was stopped. */
  async #underLoad(work: () => Promise<void>): Promise<WorkloadOutcome | null> {
    const workload = this.#workload;
    if (workload === null) {
      await work();
      return null;
    }
    try {
      await workload.start(Math.min(3, this.#cluster.roster.nodes.brokers.length));
      await this.#warm(workload);
      await work();
      if (this.#stop.aborted) return null;
      const outcome = await workload.finish();
      if (isOk({ problems: this.#problems, workload: outcome })) await workload.remove();
      return outcome;
    } finally {
      await workload.close();
    }
  }

  async #commitAll(kinds: readonly FaultKind[]): Promise<void> {
    if (kinds.length === 0) return;
    const { everyMs, forMs, seed } = this.#options;
    this.#startedMs = performance.now();
    let at = 0;
    for (const fault of schedule(kinds, this.#cluster.roster.nodes, new SeededRandom(seed))) {
      // Never two at once: with two of three copies away, being unavailable is right and would hide what is wrong.
      await this.#sleep(this.#startedMs + everyMs * at++ - performance.now());
      if (this.#stop.aborted || performance.now() - this.#startedMs >= forMs) return;
      const report = await this.#commit(fault);
      this.#faults.push(report);
      tell(told(report));
    }
  }

  async #commit(fault: Fault): Promise<FaultReport> {
    const { acknowledged, polled } = this.#workload ?? { acknowledged: null, polled: null };
    const beganMs = performance.now();
    for (const heard of [acknowledged, polled]) heard?.begin(beganMs);
    const errorsBefore = this.#workload?.errors ?? 0;
    const restart = (node: NodeName): Promise<void> => this.#restart(node);
    await begin(this.#cluster, fault, { restart, whole: () => this.#whole(wholeMsMax), stop: this.#stop });
    await this.#sleep(fault.forMs);
    const operations = acknowledged === null ? null : acknowledged.heard + polled.heard;
    const healedMs = performance.now();
    await heal(this.#cluster, fault, restart);
    await this.#replaceTheDead(fault);
    const isWhole = await this.#whole(wholeMsMax);
    const recoveredMs = performance.now() - healedMs;
    if (!isWhole && !this.#stop.aborted)
      this.#problem(`not whole ${wholeMsMax / 1000} s after the end of "${tellFault(fault)}"`);
    await this.#sleep(settleMs);
    return {
      kind: fault.is,
      group: groupOf(fault),
      fault: tellFault(fault),
      atMs: beganMs - this.#startedMs,
      heldMs: healedMs - beganMs,
      recoveredMs: isWhole ? recoveredMs : null,
      produceGapMs: acknowledged?.longestMs(performance.now()) ?? null,
      consumeGapMs: polled?.longestMs(performance.now()) ?? null,
      operations,
      errors: this.#workload === null ? null : this.#workload.errors - errorsBefore,
    };
  }

  /** After the healing all should run: a node that does not is a finding, and the run goes on with a new process. */
  async #replaceTheDead(fault: Fault): Promise<void> {
    for (const node of allNodes(this.#cluster)) {
      if (!this.#cluster.isGone(node)) continue;
      this.#problem(`${node} ended by itself during "${tellFault(fault)}"`);
      await this.#restart(node);
    }
  }

  /** One that does not come up is a finding, too, and tried again: the faults behind it are still to be seen. */
  async #restart(node: NodeName): Promise<void> {
    for (let left = startsMax; ; left--) {
      try {
        return await this.#cluster.restart(node);
      } catch (error) {
        if (left === 1) throw error;
        this.#problem(`${node} did not come up: ${textOf(error)}`);
      }
    }
  }

  async #warm({ polled }: Workload): Promise<void> {
    const deadlineMs = performance.now() + wholeMsMax;
    while (polled.heard < warmOperations && !this.#stop.aborted) {
      if (performance.now() > deadlineMs) throw new Error("the workload does not get going");
      await this.#sleep(50);
    }
  }

  #whole(timeoutMs: number): Promise<boolean> {
    return whole(this.#cluster, timeoutMs, this.#stop);
  }

  #problem(text: string): void {
    this.#problems.push(text);
    tell(`PROBLEM ${text}`);
  }

  /** Shorter when the run is to stop. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms <= 0 || this.#stop.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        this.#stop.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#stop.addEventListener("abort", end);
    });
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function told({ atMs, fault, recoveredMs, produceGapMs }: FaultReport): string {
  const at = `${(atMs / 1000).toFixed(1).padStart(6)} s`;
  const whole =
    recoveredMs === null ? "not whole again" : `whole ${(recoveredMs / 1000).toFixed(1)} s after it was healed`;
  return `${at}  ${fault}: ${produceGapMs === null ? "" : `gap ${Math.round(produceGapMs)} ms, `}${whole}`;
}
