import { assert, integerBelow } from "@odradek/kit";
import { MemoryNetwork, SeededRandom } from "@odradek/kit/testing";
import { describe, EventLoop, must, ProcessClock, type SimResult, Violation } from "@odradek/kit/simulation";

import { limits } from "../limits.ts";
import type { Message } from "../peers/messages.ts";
import { type Known, ServiceClient } from "./service-client.ts";
import { ServiceModel } from "./service-model.ts";
import { ServiceNode } from "./service-node.ts";
import { type ClientInjection, drawServicePlan, type ServicePlan } from "./service-plan.ts";
import { Checks } from "./sim-checks.ts";
import { SimDisk } from "./sim-disk.ts";
import { type FaultyNetwork, Faults } from "./sim-faults.ts";

const livenessMs = 20_000;
const eventsMax = 1_000_000;

/** One seed: whole members and their clients on simulated time, disks and streams, harmed for a while, then left alone. */
export async function simulateService(seed: number, only: ReadonlySet<number> | null = null): Promise<SimResult> {
  const world = new ServiceWorld(seed, only);
  const uncaught = (error: unknown): void => world.fail(error);
  process.on("unhandledRejection", uncaught);
  try {
    return await world.run();
  } finally {
    process.off("unhandledRejection", uncaught);
    Object.assign(limits, { historyRevisionsMax });
  }
}

const { historyRevisionsMax } = limits;

class ServiceWorld {
  readonly #seed: number;
  readonly #plan: ServicePlan;
  readonly #loop = new EventLoop();
  readonly #checks = new Checks();
  readonly #model = new ServiceModel();
  readonly #network: MemoryNetwork;
  readonly #nodes: ServiceNode[];
  readonly #clients: ServiceClient[] = [];
  readonly #faults: Faults;
  readonly #known: Known = { index: 0, revision: 0, acknowledged: 0 };
  readonly #applied = new Map<object, number>();
  #failure: unknown = null;
  #trace = 0x811c9dc5;
  #isHealed = false;

  constructor(seed: number, only: ReadonlySet<number> | null) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    const plan = drawServicePlan(random);
    this.#plan = plan;
    const loop = this.#loop;
    const faults = { ...plan.network };
    const latencyMs = (): number =>
      0.05 -
      Math.log(1 - random.next()) * links.faults.delayMsMean +
      (random.next() < links.faults.straggling ? 3000 * random.next() : 0);
    this.#network = new MemoryNetwork(new ProcessClock(loop), { latencyMs });
    const links = memberLinks(this.#network, faults, plan.members);
    const members = new Map(plan.members.map((id) => [id, `m${id}:2181`]));
    const failed = (error: unknown): void => this.fail(error);
    Object.assign(limits, { historyRevisionsMax: plan.historyRevisionsMax });
    this.#checks.onCommitted = (entry) => this.#model.apply(entry);
    this.#model.onExpired = (session) => this.#expired(session);
    this.#nodes = plan.members.map((id) => {
      const disk = new SimDisk(random, plan.syncMs.get(id)!);
      return new ServiceNode({ id, members, loop, network: this.#network, disk, random, limits: plan.limits, failed });
    });
    for (const node of this.#nodes) node.start();
    for (let at = 1; at <= plan.clients; at++) {
      const { timeoutMs, everyMs } = plan;
      const world = { loop, network: this.#network, model: this.#model, random, known: this.#known, failed };
      loop.at(1000, () =>
        this.#clients.push(new ServiceClient({ name: `c${at}`, members, ...world, timeoutMs, everyMs })),
      );
    }
    const schedule = plan.schedule.filter((_injection, at) => only === null || only.has(at));
    this.#faults = new Faults({ loop, network: links, nodes: this.#nodes, schedule, quickRestarts: 0.5 });
    for (const [at, injection] of plan.clientSchedule.entries())
      if (only === null || only.has(plan.schedule.length + at)) loop.at(injection.atMs, () => this.#harm(injection));
  }

  fail(error: unknown): void {
    this.#failure ??= error;
  }

  async run(): Promise<SimResult> {
    try {
      await this.#loop.run(this.#plan.safetyMs, () => this.#look());
      if (!this.#failure) await this.#heal();
    } catch (error) {
      this.fail(error);
    }
    for (const client of this.#clients) client.die();
    for (const node of this.#nodes) if (node.up) node.crash();
    const failure = this.#failure;
    return {
      seed: this.#seed,
      failure: failure === null ? null : describe(failure),
      trace: this.#trace.toString(16),
      events: this.#loop.events,
      acknowledged: this.#known.acknowledged,
      simulatedMs: this.#loop.nowMs,
      faults: this.#plan.schedule.length + this.#plan.clientSchedule.length,
    };
  }

  /** After harm has stopped, every client gets answers, dead ones lose their sessions, and all members are the same. */
  async #heal(): Promise<void> {
    this.#isHealed = true;
    this.#faults.stop();
    for (const client of this.#clients) if (client.clock.paused) client.clock.resume();
    for (const client of this.#clients) for (const id of this.#plan.members) this.#network.heal(client.name, `m${id}`);
    const living = this.#clients.filter((client) => client.alive);
    const before = living.map((client) => client.acknowledged);
    const isServed = (): boolean => living.every((client, at) => client.acknowledged > before[at]! + 2);
    const untilMs = this.#loop.nowMs + livenessMs;
    await this.#loop.run(untilMs, () => this.#look() || (isServed() && this.#onlyLiving(living)));
    if (this.#failure) return;
    must(isServed(), `not every client gets answers: ${this.#describeNodes()}`);
    must(this.#onlyLiving(living), `sessions of the dead live on: ${[...this.#model.sessions.keys()].join()}`);
    for (const client of living) client.rest();
    await this.#loop.run(untilMs + 10_000, () => this.#look() || this.#agree());
    if (this.#failure) return;
    must(this.#agree(), `members differ: ${this.#describeNodes()}`);
    for (const { node } of this.#nodes) node!.machine.state.check();
    const digests = new Set(this.#nodes.map(({ node }) => node!.machine.digest()));
    must(digests.size === 1, `members have ${digests.size} different states (RELIABILITY R-26)`);
  }

  #onlyLiving(living: readonly ServiceClient[]): boolean {
    const theirs = new Set(living.map((client) => client.session?.id));
    return [...this.#model.sessions.keys()].every((id) => theirs.has(id));
  }

  #agree(): boolean {
    const { index } = this.#model;
    return this.#nodes.every(
      ({ driver }) => driver?.core.state.standing === "voter" && driver.core.state.applied === index,
    );
  }

  /** A session ended without its client's wish. */
  #expired(session: string): void {
    if (!this.#plan.sessionsLast || this.#isHealed) return;
    const client = this.#clients.find((each) => each.session?.id === session);
    must(client === undefined, `the session of ${client?.name}, which lives and is heard, expired (RELIABILITY S10)`);
  }

  /** After every event. True ends the run. */
  #look(): boolean {
    try {
      for (const { id, driver } of this.#nodes) if (driver) this.#checks.look(id, driver.core);
      for (const node of this.#nodes) this.#compare(node);
      for (const client of this.#clients) client.look();
    } catch (error) {
      this.fail(error);
    }
    this.#note(Math.floor(this.#loop.nowMs * 1000));
    this.#note(this.#model.index * 31 + this.#known.acknowledged);
    if (this.#loop.events > eventsMax) this.fail(new Violation("a storm: messages answer messages without end"));
    return this.#failure !== null;
  }

  /** A member that has applied an entry is as the model was then. */
  #compare({ id, node, driver }: ServiceNode): void {
    if (!node || !driver) return;
    const { applied } = driver.core.state;
    if (this.#applied.get(node) === applied) return;
    this.#applied.set(node, applied);
    const { revision, size, sessions } = node.machine.state;
    const picture = `${revision} ${size} ${sessions.size}`;
    const expected = this.#model.pictureAt(applied) ?? "0 1 0";
    must(picture === expected, `node ${id} after entry ${applied} is (${picture}), not (${expected})`);
  }

  #note(value: number): void {
    this.#trace = Math.imul(this.#trace ^ (value >>> 0), 0x01000193) >>> 0;
  }

  #harm({ fault, chance }: ClientInjection): void {
    const random = new SeededRandom(chance);
    const client = this.#clients[integerBelow(random, this.#clients.length)];
    if (!client || this.#isHealed) return;
    const loop = this.#loop;
    switch (fault) {
      case "clientDies":
        return client.die();
      case "clientPause":
        client.clock.pause();
        return void loop.at(random.next() * 8000, () => client.clock.resume());
      case "clientCut": {
        const member = `m${this.#plan.members[integerBelow(random, this.#plan.members.length)]}`;
        const way = integerBelow(random, 4);
        if (way !== 1) this.#network.cutOneWay(client.name, member);
        if (way !== 2) this.#network.cutOneWay(member, client.name);
        return void loop.at(random.next() * 5000, () => this.#network.heal(client.name, member));
      }
      case "everythingStalls": {
        // The whole machine stands still: nobody may die of it (RELIABILITY C-18).
        for (const one of [...this.#clients.map((each) => each.clock), ...this.#nodes]) one.pause();
        return void loop.at(10_000, () => {
          for (const one of [...this.#clients.map((each) => each.clock), ...this.#nodes]) one.resume();
        });
      }
      default:
        return fault satisfies never;
    }
  }

  #describeNodes(): string {
    return this.#nodes.map(({ id, driver }) => JSON.stringify(driver?.status() ?? { id })).join("\n");
  }
}

/** Links between members, as the faults of a quorum see them. */
function memberLinks(network: MemoryNetwork, faults: ServicePlan["network"], ids: readonly number[]): FaultyNetwork {
  const heal = (one: number, other: number): void => network.heal(`m${one}`, `m${other}`);
  assert(ids.length > 1, "a quorum has links");
  return {
    faults,
    onSend: (_from: number, _message: Message) => {},
    cut: (from, to) => network.cutOneWay(`m${from}`, `m${to}`),
    healLink: heal,
    heal: () => {
      for (const one of ids) for (const other of ids) if (one !== other) heal(one, other);
    },
  };
}
