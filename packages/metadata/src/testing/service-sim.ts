import type { Random } from "@odradek/kit";
import { type MemoryNetwork, SeededRandom } from "@odradek/kit/testing";
import {
  type AcceptedStream,
  describe,
  EventLoop,
  must,
  Outcome,
  runWorld,
  type SimResult,
  Violation,
} from "@odradek/kit/simulation";

import { metadataService } from "../client/frames.ts";
import { limits } from "../limits.ts";
import { ServiceClient } from "./service-client.ts";
import { ClientFaults } from "./service-harm.ts";
import { Histories } from "./service-histories.ts";
import { JudgedSessions } from "./service-judged.ts";
import { checkCounted } from "./service-lock.ts";
import { ServiceModel } from "./service-model.ts";
import { serviceNetwork } from "./service-network.ts";
import { ServiceNode } from "./service-node.ts";
import { drawServicePlan, type ServicePlan } from "./service-plan.ts";
import type { Known } from "./service-session.ts";
import { registers } from "./service-work.ts";
import { Checks } from "./sim-checks.ts";
import { SimDisk } from "./sim-disk.ts";
import { Faults } from "./sim-faults.ts";

const livenessMs = 20_000;
const eventsMax = 1_000_000;

/** One seed: whole members and their clients on simulated time, disks and streams, harmed for a while, then left alone. */
export async function simulateService(seed: number, only: ReadonlySet<number> | null = null): Promise<SimResult> {
  try {
    return await runWorld(new ServiceWorld(seed, only));
  } finally {
    Object.assign(limits, { historyRevisionsMax });
  }
}

const { historyRevisionsMax } = limits;

class ServiceWorld {
  readonly outcome = new Outcome();
  readonly #seed: number;
  readonly #plan: ServicePlan;
  readonly #loop = new EventLoop();
  readonly #checks = new Checks();
  readonly #model = new ServiceModel();
  readonly #nodes: ServiceNode[];
  readonly #clients: ServiceClient[] = [];
  readonly #faults: Faults;
  readonly #clientFaults: ClientFaults;
  readonly #judged: JudgedSessions;
  readonly #known: Known = { index: 0, revision: 0, acknowledged: 0 };
  readonly #histories = new Histories(registers);
  readonly #applied = new Map<object, number>();
  #isHealed = false;

  constructor(seed: number, only: ReadonlySet<number> | null) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    const plan = drawServicePlan(random);
    this.#plan = plan;
    const [loop, model] = [this.#loop, this.#model];
    const { network, links } = serviceNetwork({ loop, random, faults: plan.network, members: plan.members });
    Object.assign(limits, { historyRevisionsMax: plan.historyRevisionsMax });
    this.#checks.onCommitted = (entry) => model.apply(entry);
    model.onDone = (session, operations) => checkCounted(model, session, operations);
    model.onExpired = (session, why) => this.#expired(session, why);
    const nodes = plan.members.map((id) => this.#newNode(id, network, random));
    this.#nodes = nodes;
    const judged = new JudgedSessions(loop, nodes, (session) => model.sessions.has(session));
    this.#judged = judged;
    for (const node of nodes) node.start();
    const clients = this.#clients;
    loop.at(1000, () => clients.push(...this.#newClients(network, random)));
    const isWanted = (at: number): boolean => only === null || only.has(at);
    const schedule = plan.schedule.filter((_, at) => isWanted(at));
    this.#faults = new Faults({ loop, network: links, nodes, schedule, quickRestarts: 0.5 });
    const own = plan.clientSchedule.filter((_, at) => isWanted(plan.schedule.length + at));
    const { timeoutMs } = plan;
    this.#clientFaults = new ClientFaults({ loop, network, nodes, clients, judged, timeoutMs, schedule: own });
  }

  #newNode(id: number, network: MemoryNetwork, random: Random): ServiceNode {
    const { limits: own, history, syncMs, streamLagMsMax } = this.#plan;
    const disk = new SimDisk(random, syncMs.get(id)!);
    disk.onApplied = (index, digest) => this.outcome.holds(() => this.#checks.wrote(id, index, digest));
    const accepted = (path: string): AcceptedStream =>
      path === metadataService.Session.path
        ? { witness: this.#judged.witness(id), lagMs: random.next() ** 2 * streamLagMsMax }
        : {};
    const failed = (error: unknown): void => this.outcome.fail(error);
    const world = { loop: this.#loop, network, random, members: this.#addresses, failed };
    return new ServiceNode({ id, disk, limits: own, history, accepted, ...world });
  }

  #newClients(network: MemoryNetwork, random: Random): ServiceClient[] {
    const { clients, timeoutMs, everyMs, readShare, counts } = this.#plan;
    const names = Array.from({ length: clients }, (_, at) => `c${at + 1}`);
    const failed = (error: unknown): void => this.outcome.fail(error);
    const world = { loop: this.#loop, network, random, members: this.#addresses, failed };
    const watched = { model: this.#model, known: this.#known, histories: this.#histories };
    const program = { names, timeoutMs, everyMs, counts };
    return names.map(
      (name, at) =>
        new ServiceClient({ name, readShare: at === 0 ? readShare : 0.3, ...program, ...watched, ...world }),
    );
  }

  get #addresses(): Map<number, string> {
    return new Map(this.#plan.members.map((id) => [id, `m${id}:2181`]));
  }

  async run(): Promise<SimResult> {
    try {
      await this.#loop.run(this.#plan.safetyMs, () => this.#look());
      if (!this.outcome.failure) await this.#heal();
    } catch (error) {
      this.outcome.fail(error);
    }
    for (const client of this.#clients) client.die();
    for (const node of this.#nodes) if (node.up) node.crash();
    const gaveUp = (what: string): void => void process.stderr.write(`seed ${this.#seed}: ${what}\n`);
    // What clients alone could tell is told beside what was seen first.
    const found = [
      this.outcome.failure === null ? null : describe(this.outcome.failure),
      this.#histories.fault(gaveUp),
    ];
    const failure = found.filter((each) => each !== null).join("; ") || null;
    return {
      seed: this.#seed,
      failure,
      trace: this.outcome.trace,
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
    this.#clientFaults.stop();
    const living = this.#clients.filter((client) => client.alive);
    const before = living.map((client) => client.answers);
    const isServed = (): boolean => living.every((client, at) => client.answers > before[at]! + 2);
    const untilMs = this.#loop.nowMs + livenessMs;
    await this.#loop.run(untilMs, () => this.#look() || (isServed() && this.#onlyLiving(living)));
    if (this.outcome.failure) return;
    must(isServed(), `not every client gets answers: ${this.#describeNodes()}`);
    must(this.#onlyLiving(living), `sessions of the dead live on: ${[...this.#model.sessions.keys()].join()}`);
    for (const client of living) client.rest();
    await this.#loop.run(untilMs + 10_000, () => this.#look() || this.#agree());
    if (this.outcome.failure) return;
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
  #expired(session: string, why: { term: number; atMs: number; timeoutMs: number }): void {
    this.#judged.expired(session, why);
    if (!this.#plan.calm || this.#isHealed) return;
    const client = this.#clients.find((each) => each.session?.id === session);
    must(client === undefined, `the session of ${client?.name}, which lives and is heard, expired (RELIABILITY S10)`);
  }

  /** After every event. True ends the run. */
  #look(): boolean {
    try {
      this.#judged.look();
      for (const { id, driver } of this.#nodes) if (driver) this.#checks.look(id, driver.core);
      for (const node of this.#nodes) this.#compare(node);
      if (this.#plan.calm) this.#judged.lookAtDead();
      for (const client of this.#clients) client.look();
    } catch (error) {
      this.outcome.fail(error);
    }
    this.outcome.note(Math.floor(this.#loop.nowMs * 1000));
    this.outcome.note(this.#model.index * 31 + this.#known.acknowledged);
    if (this.#loop.events > eventsMax)
      this.outcome.fail(new Violation("a storm: messages answer messages without end"));
    return this.outcome.failure !== null;
  }

  /** A member that has applied an entry is as the model was then. */
  #compare({ id, node, driver }: ServiceNode): void {
    if (!node || !driver) return;
    const { applied } = driver.core.state;
    if (this.#applied.get(node) === applied) return;
    this.#applied.set(node, applied);
    const { revision, size, sessions, history } = node.machine.state;
    const picture = `${revision} ${size} ${sessions.size} ${history.oldest}`;
    const expected = this.#model.pictureAt(applied) ?? "0 1 0 0";
    must(picture === expected, `node ${id} after entry ${applied} is (${picture}), not (${expected})`);
  }

  #describeNodes(): string {
    return this.#nodes.map(({ id, driver }) => JSON.stringify(driver?.status() ?? { id })).join("\n");
  }
}
