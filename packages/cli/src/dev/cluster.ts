import { Failure } from "../terminal/failure.ts";
import type { LogLine } from "./log-tail.ts";
import { NodeProcess, type NodeEnd } from "./node-process.ts";
import type { NodePlan } from "./plan.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import type { NodeRole, NodeState } from "./state-file.ts";

const stopDeadlineMs = 5000;

/** What becomes known about a node while the cluster runs; `dev` prints it. */
export interface ClusterReport {
  /** A node has a new process. */
  changed(): void;
  line(plan: NodePlan, line: LogLine): void;
  nodeReady(plan: NodePlan): void;
  /** It ended though nobody here asked it to. */
  died(plan: NodePlan, end: NodeEnd): void;
}

type Member = {
  plan: NodePlan;
  process: NodeProcess;
  is: "starting" | "ready" | "stopping" | "ended";
  /** Resolves when the last change of its process that was asked for is made: two at a time would leave one process behind. */
  turn: Promise<void>;
};

/** The processes of a local cluster. A node that dies stays dead until somebody restarts it: that is what is to be seen. */
export class DevCluster {
  readonly #members: Member[];
  readonly #report: ClusterReport;
  #isStopping = false;

  /** Starts all nodes at once: brokers load while the metadata nodes elect their leader. */
  constructor(plans: readonly NodePlan[], report: ClusterReport) {
    this.#report = report;
    this.#members = plans.map((plan) => ({
      plan,
      process: new NodeProcess(plan, this.#listener(plan)),
      is: "starting",
      turn: Promise.resolve(),
    }));
    for (const member of this.#members) this.#follow(member);
  }

  nodes(): NodeState[] {
    return this.#members.map(({ plan: { role, id, address, url, ports, logFile }, process }) => ({
      role,
      id,
      process: process.identity,
      address,
      url,
      ports,
      logFile,
    }));
  }

  states(): { plan: NodePlan; identity: ProcessIdentity; is: Member["is"] }[] {
    return this.#members.map(({ plan, process, is }) => ({ plan, identity: process.identity, is }));
  }

  /**
   * Resolves with the nodes that ended instead of serving, when every other one serves, or at once when so many
   * metadata nodes have ended that no broker will ever serve.
   */
  settled(): Promise<NodePlan[]> {
    return Promise.race([this.#allSettled(), this.#quorumLost()]);
  }

  async #quorumLost(): Promise<NodePlan[]> {
    const quorum = this.#members.filter(({ plan }) => plan.role === "metadata");
    const failed: NodePlan[] = [];
    const { promise, resolve } = Promise.withResolvers<NodePlan[]>();
    for (const { plan, process } of quorum) {
      void process.ready.then((serves) => {
        if (!serves) failed.push(plan);
        if (2 * failed.length > quorum.length) resolve(failed);
      });
    }
    return promise;
  }

  async #allSettled(): Promise<NodePlan[]> {
    const outcomes = await Promise.all(
      this.#members.map(async ({ plan, process }) => ((await process.ready) ? [] : [plan])),
    );
    return outcomes.flat();
  }

  /**
   * Stops a node if it runs, starts it again with the same command, and resolves when it serves. No node waits for
   * another: a metadata node serves only with a quorum, which may need the next restart.
   */
  async restart(role: NodeRole, id: number): Promise<ProcessIdentity> {
    const member = this.#members.find(({ plan }) => plan.role === role && plan.id === id);
    if (!member) throw new Failure("notFound", `there is no ${role} ${id}`);
    const replaced = member.turn.then(() => this.#replace(member));
    member.turn = replaced.then(
      () => undefined,
      () => undefined, // its caller hears of it
    );
    const started = await replaced;
    if (await started.ready) return started.identity;
    this.#refuseWhenStopping();
    const { lastLine } = await started.ended;
    throw new Failure("unhealthy", `${role} ${id} ended before it served: ${lastLine}`);
  }

  /** Brokers first, so that they can hand over while the metadata nodes still answer. Nothing starts from here on. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const member of this.#members) {
      if (member.is !== "ended") member.is = "stopping";
      member.process.signal("SIGCONT");
    }
    for (const role of ["broker", "metadata"] as const) {
      const members = this.#members.filter(({ plan }) => plan.role === role);
      await Promise.all(members.map(({ process }) => process.stop(stopDeadlineMs)));
    }
  }

  /** Without asking: for whoever cannot wait. */
  kill(): void {
    for (const { process } of this.#members) process.signal("SIGKILL");
  }

  async #replace(member: Member): Promise<NodeProcess> {
    this.#refuseWhenStopping();
    if (member.is !== "ended") member.is = "stopping";
    await member.process.stop(stopDeadlineMs);
    this.#refuseWhenStopping();
    member.process = new NodeProcess(member.plan, this.#listener(member.plan));
    member.is = "starting";
    this.#follow(member);
    this.#report.changed();
    return member.process;
  }

  #refuseWhenStopping(): void {
    if (this.#isStopping) throw new Failure("conflict", "`odradek dev` is stopping: it starts no node any more");
  }

  #listener(plan: NodePlan): { line(line: LogLine): void } {
    return { line: (line) => this.#report.line(plan, line) };
  }

  #follow(member: Member): void {
    const { plan, process: started } = member;
    void started.ready.then((serves) => {
      if (!serves || member.process !== started || member.is !== "starting") return;
      member.is = "ready";
      this.#report.nodeReady(plan);
    });
    void started.ended.then((end) => {
      if (member.process !== started) return;
      const asked = member.is === "stopping";
      member.is = "ended";
      if (!asked) this.#report.died(plan, end);
    });
  }
}
