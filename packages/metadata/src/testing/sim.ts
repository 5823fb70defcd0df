import { integerBelow, type Random } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { describe, EventLoop, must, Outcome, runWorld, type SimResult, Violation } from "@odradek/kit/simulation";

import { Checks } from "./sim-checks.ts";
import { SimDisk } from "./sim-disk.ts";
import { Faults } from "./sim-faults.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimNode } from "./sim-node.ts";
import { drawPlan, type SimPlan } from "./sim-plan.ts";

/** With a link that stays broken: long enough for an election, and for a time in which there must be none. */
const stubbornMs = 4_000;
const calmMs = 2_000;
const stragglingMs = 3_000;
const livenessMs = 10_000;
const eventsMax = 3_000_000;

/** One seed: a quorum of real nodes on simulated time, disks and links, harmed for a while, then left alone until it is well again. */
export const simulate = (
  seed: number,
  /** Of the planned faults only these, by their place; all of them when not given. */
  only: ReadonlySet<number> | null = null,
): Promise<SimResult> => runWorld(new World(seed, only));

class World {
  readonly outcome = new Outcome();
  readonly #seed: number;
  readonly #random: Random;
  readonly #loop = new EventLoop();
  readonly #checks = new Checks();
  readonly #nodes: SimNode[];
  readonly #faults: Faults;
  readonly #network: SimNetwork;
  readonly #plan: SimPlan;
  #proposed = 0;
  #acknowledged = 0;
  #highest = 0;
  /** Nobody asks for anything. */
  #isIdle = false;

  constructor(seed: number, only: ReadonlySet<number> | null) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    this.#random = random;
    const plan = drawPlan(random);
    this.#plan = plan;
    const { members, spares, limits, timing, scale } = plan;
    const [loop, checks] = [this.#loop, this.#checks];
    const network = new SimNetwork(loop, random, plan.network, stragglingMs * scale);
    this.#network = network;
    const failed = (error: unknown): void => this.outcome.fail(error);
    this.#nodes = [...members, ...spares].map((id) => {
      const joining = !members.includes(id);
      const disk = new SimDisk(random, plan.syncMs.get(id) ?? 1);
      const known = joining ? [...members, id] : members;
      return new SimNode({ id, members: known, joining, loop, network, disk, checks, random, limits, timing, failed });
    });
    for (const node of this.#nodes) node.start();
    const schedule = plan.schedule.filter((_injection, at) => only === null || only.has(at));
    this.#faults = new Faults({
      loop,
      network,
      nodes: this.#nodes,
      schedule,
      quickRestarts: plan.quickRestarts,
      scale,
    });
    this.#work();
  }

  async run(): Promise<SimResult> {
    try {
      await this.#loop.run(this.#plan.safetyMs, () => this.#look());
      if (!this.outcome.failure) await this.#heal();
    } catch (error) {
      this.outcome.fail(error);
    }
    for (const node of this.#nodes) if (node.up) node.crash();
    const { failure, trace } = this.outcome;
    return {
      seed: this.#seed,
      failure: failure === null ? null : describe(failure),
      trace,
      events: this.#loop.events,
      acknowledged: this.#acknowledged,
      simulatedMs: this.#loop.nowMs,
      faults: this.#plan.schedule.length,
    };
  }

  /** After harm has stopped, everyone agrees and goes on within a bounded time. */
  async #heal(): Promise<void> {
    this.#faults.stop();
    const isFounded = this.#nodes.every((node) => node.joining || (node.driver?.core.state.term ?? 0) > 0);
    if (this.#plan.stubbornLink && isFounded) await this.#standStubbornLink();
    if (this.outcome.failure) return;
    const untilMs = this.#loop.nowMs + livenessMs;
    const before = this.#acknowledged;
    await this.#loop.run(untilMs, () => this.#look() || (this.#acknowledged > before + 5 && this.#converged()));
    if (this.outcome.failure) return;
    must(this.#acknowledged > before + 5, `no progress: ${this.#describeNodes()}`);
    must(this.#converged(), `not converged: ${this.#describeNodes()}`);
  }

  /** One direction of one link stays broken: a leader is found all the same, and stays (RELIABILITY R-17). */
  async #standStubbornLink(): Promise<void> {
    // Hand-overs that were asked for before may still be on their way.
    if (this.#plan.network.straggling > 0) await this.#loop.run(this.#soon(stragglingMs), () => this.#look());
    await this.#loop.run(this.#loop.nowMs + livenessMs, () => this.#look() || this.#converged());
    const members = this.#members();
    const leader = this.#newestLeader()?.id;
    if (this.outcome.failure || leader === undefined) return;
    const term = highestTerm(members);
    const ids = members.map((node) => node.id);
    const other = ids.filter((id) => id !== leader)[Math.floor(this.#random.next() * (ids.length - 1))]!;
    const [from, to] = this.#random.next() < 0.7 ? [leader, other] : [other, leader];
    // Without writes every log is as new as the leader's, and whoever asks could win.
    this.#isIdle = this.#random.next() < 0.7;
    let hasStalled = false;
    const look = (): boolean => {
      hasStalled ||= members.some(({ driver }) => driver?.core.state.diskStalled());
      return this.#look();
    };
    await this.#loop.run(this.#soon(300), look);
    this.#network.cut(from, to);
    if (this.#random.next() < 0.5) this.#network.cut(to, from);
    await this.#loop.run(this.#soon(stubbornMs), look);
    const before = this.#acknowledged;
    await this.#loop.run(this.#soon(calmMs), look);
    if (this.outcome.failure) return;
    // A leader whose disk does not answer for long steps down all the same.
    must(
      hasStalled || highestTerm(members) === term,
      `with the link ${from}>${to} cut, leaders change: ${this.#describeNodes()}`,
    );
    must(
      this.#isIdle || this.#acknowledged > before,
      `with the link ${from}>${to} cut, no progress: ${this.#describeNodes()}`,
    );
    this.#isIdle = false;
    this.#network.heal();
  }

  #soon(unscaledMs: number): number {
    return this.#loop.nowMs + unscaledMs * this.#plan.scale;
  }

  #newestLeader(): SimNode | null {
    const leaders = this.#nodes.filter((node) => node.driver?.core.state.role.is === "leader");
    return leaders.toSorted((a, b) => b.driver!.core.state.term - a.driver!.core.state.term)[0] ?? null;
  }

  /** Who belongs to the cluster, as the newest leader says; nobody while there is none. */
  #members(): SimNode[] {
    const state = this.#newestLeader()?.driver!.core.state;
    return this.#nodes.filter(({ id }) => state?.voters.includes(id) || state?.learners.includes(id));
  }

  #converged(): boolean {
    const statuses = this.#members().map((node) => node.driver?.status());
    const role = this.#newestLeader()?.driver!.core.state.role;
    return (
      role?.is === "leader" &&
      role.transfer === null &&
      statuses.every(
        (status) =>
          status !== undefined &&
          status.role !== "recovering" &&
          status.role !== "candidate" &&
          status.leader !== null &&
          status.leader === statuses[0]!.leader &&
          status.appliedIndex >= this.#checks.committedIndex - 3,
      )
    );
  }

  /** After every event, at the processes in which anything ran. True ends the run. */
  #look(): boolean {
    this.outcome.note(Math.floor(this.#loop.nowMs * 1000));
    for (const node of this.#nodes) {
      if (!node.takeRan() || !node.driver) continue;
      const { core } = node.driver;
      this.outcome.holds(() => this.#checks.look(node.id, core));
      const { term, commit, log } = core.state;
      this.outcome.note(node.id + term * 31 + commit * 7 + log.last.index);
    }
    if (this.#loop.events > eventsMax)
      this.outcome.fail(new Violation("a storm: messages answer messages without end"));
    return this.outcome.failure !== null;
  }

  /** Writes and reads on whoever believes that it leads, all the time. */
  #work(): void {
    this.#loop.at(this.#random.next() * 2 * this.#plan.proposalEveryMs, () => {
      for (const node of this.#nodes) {
        if (this.#isIdle || node.paused || node.driver?.core.state.role.is !== "leader") continue;
        const writes = this.#random.next() < 0.7;
        node.run((driver) => void (writes ? this.#propose(driver) : this.#read(node, driver)));
      }
      this.#work();
    });
  }

  async #propose(driver: NonNullable<SimNode["driver"]>): Promise<void> {
    const line = `${++this.#proposed}${"x".repeat(integerBelow(this.#random, this.#plan.lineBytesMax))}`;
    const proposed = await driver.propose(Buffer.from(line));
    if (proposed.is !== "applied") return;
    this.outcome.holds(() => this.#checks.acknowledged(line, proposed.result));
    this.#acknowledged++;
    this.#highest = Math.max(this.#highest, proposed.result);
  }

  async #read(node: SimNode, driver: NonNullable<SimNode["driver"]>): Promise<void> {
    const before = this.#highest;
    if ((await driver.readBarrier()) !== "ok" || node.driver !== driver) return;
    this.outcome.holds(() => this.#checks.read(node.id, node.lines, before));
  }

  #describeNodes(): string {
    return this.#nodes.map((node) => JSON.stringify(node.driver?.status() ?? { id: node.id, up: node.up })).join("\n");
  }
}

const highestTerm = (nodes: readonly SimNode[]): number =>
  Math.max(...nodes.map((node) => node.driver?.core.state.term ?? 0));
