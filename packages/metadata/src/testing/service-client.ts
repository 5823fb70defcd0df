import { isDeepStrictEqual } from "node:util";

import { delay, integerBelow, type Random, silentLogger } from "@odradek/kit";
import type { MemoryNetwork } from "@odradek/kit/testing";
import { type EventLoop, must, ProcessClock, processRpc, Violation } from "@odradek/kit/simulation";

import { openSession } from "../client/session.ts";
import type { Operation, Outcome, Session } from "../client/types.ts";
import type { ServiceModel } from "./service-model.ts";
import { CheckedWatch, same } from "./service-watch.ts";

export type ServiceClientParts = {
  name: string;
  members: Map<number, string>;
  loop: EventLoop;
  network: MemoryNetwork;
  model: ServiceModel;
  random: Random;
  timeoutMs: number;
  everyMs: number;
  /** What the clients of the world know together. */
  known: Known;
  failed: (error: unknown) => void;
};

/** What some client was told already: whatever is asked from now on must see it (linearizability in real time). */
export type Known = { index: number; revision: number; acknowledged: number };

const registers = ["/config/a", "/config/b"];

/** A process with a session, which works, watches, and compares every answer with the model. It opens a new session when one ends. */
export class ServiceClient {
  readonly name: string;
  readonly #parts: ServiceClientParts;
  clock: ProcessClock;
  #session: Session | null = null;
  #watches: CheckedWatch[] = [];
  #writes = 0;
  #isIdle = false;
  /** Revisions that answers revealed in this event. */
  #revealed: number[] = [];
  acknowledged = 0;

  constructor(parts: ServiceClientParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.clock = new ProcessClock(parts.loop);
    this.#go();
  }

  /** Null while there is none. */
  get session(): Session | null {
    return this.#session;
  }

  get alive(): boolean {
    return this.clock.alive;
  }

  /** The process dies without a word. */
  die(): void {
    this.clock.kill();
    this.#parts.network.crash(this.name);
    this.#session = null;
  }

  /** From now on nothing is asked. */
  rest(): void {
    this.#isIdle = true;
  }

  /** After every event: watches have shown what answers told. */
  look(): void {
    for (const revision of this.#revealed) for (const watch of this.#watches) watch.revealed(revision);
    this.#revealed = [];
  }

  #go(): void {
    void this.#live().catch((error: unknown) => {
      if (this.clock.alive) this.#parts.failed(error);
    });
  }

  async #live(): Promise<void> {
    const { name, members, network, random, timeoutMs, model, failed } = this.#parts;
    const ports = { clock: this.clock, random, rpc: processRpc(network.rpc(name), this.clock), logger: silentLogger };
    while (this.clock.alive) {
      let session: Session;
      try {
        session = await openSession({ members, ...ports, timeoutMs, connectTimeoutMs: 20_000, name });
      } catch (error) {
        if (error instanceof Violation) throw error;
        continue;
      }
      this.#writes = 0;
      this.#revealed = [];
      this.#session = session;
      this.#watches = ["/", "/config"].map((path) => {
        const watch = session.watch({ path, recursive: true });
        return new CheckedWatch({ watch, path, model, name: `${name}'s watch on ${path}`, failed });
      });
      await Promise.all([this.#work(session), this.#work(session)]);
    }
  }

  async #work(session: Session): Promise<void> {
    const { random, everyMs } = this.#parts;
    let isOver = false;
    void session.ended.then(() => (isOver = true));
    while (!isOver) {
      await delay(this.clock, random.next() * 2 * everyMs);
      if (isOver || this.#isIdle) continue;
      try {
        if (random.next() < 0.3) await this.#read(session);
        else await this.#write(session);
      } catch (error) {
        // Calls reject when no member answers for long, or when the session has ended.
        if (error instanceof Violation) throw error;
      }
    }
    this.#session = null;
  }

  async #read(session: Session): Promise<void> {
    const { model, known, random } = this.#parts;
    const floor = known.revision;
    const path = random.next() < 0.7 ? pick(registers, random) : `/brokers/ids/${this.name}`;
    const node = await session.get(path);
    const now = model.tree.revision;
    let revision = floor;
    while (revision <= now && !same(node, model.at(path, revision))) revision++;
    must(revision <= now, `${this.name} read ${path} as it was at none of the revisions ${floor} to ${now}`);
    if (node) this.#learned(session, node.modifiedRevision);
    known.revision = Math.max(known.revision, revision);
  }

  async #write(session: Session): Promise<void> {
    const { model, known } = this.#parts;
    const floor = known.index;
    const operations = this.#draw();
    const sequence = ++this.#writes;
    const outcome = await session.multi(operations);
    if (outcome.is === "unknown") return;
    const answered = model.answers.get(session.id)?.get(sequence);
    const what = `${this.name}'s write ${sequence}`;
    must(answered !== undefined, `${what} was answered and is not committed`);
    must(isDeepStrictEqual(answered.operations, operations), `${what} was committed as another one`);
    must(isDeepStrictEqual(plain(outcome), plain(answered.outcome)), `${what} was answered ${JSON.stringify(outcome)}`);
    must(answered.index > floor, `${what} is entry ${answered.index}, but began after ${floor} was answered`);
    known.index = Math.max(known.index, answered.index);
    known.acknowledged++;
    this.acknowledged++;
    if (outcome.is !== "done") return;
    known.revision = Math.max(known.revision, outcome.revision);
    this.#learned(session, outcome.revision);
  }

  #learned(session: Session, revision: number): void {
    if (this.#session === session) this.#revealed.push(revision);
  }

  #draw(): Operation[] {
    const { random, model } = this.#parts;
    const chance = random.next();
    const data = Buffer.from(`${this.name} ${this.#writes}`);
    const path = pick(registers, random);
    const own = `/brokers/ids/${this.name}`;
    const version = random.next() < 0.4 ? "any" : (model.tree.nodes.get(path)?.version ?? 1);
    const create = (at: string, ephemeral: boolean, sequential: boolean): Operation => {
      return { is: "create", path: at, data, ephemeral, sequential };
    };
    if (chance < 0.15) return [create(path, false, false)];
    if (chance < 0.5) return [{ is: "set", path, data, version, ephemeral: false }];
    if (chance < 0.6) return [{ is: "delete", path, version, recursive: true }];
    if (chance < 0.7) return [create(own, true, false)];
    if (chance < 0.75) return [{ is: "set", path: own, data, version: "any", ephemeral: true }];
    if (chance < 0.8) return [create("/admin/n-", random.next() < 0.5, true)];
    if (chance < 0.85) return [{ is: "delete", path: own, version: "any", recursive: false }];
    // Mostly fails half way.
    return [
      create("/topics/t-", false, true),
      { is: "set", path: "/producer-ids", data, version: "any", ephemeral: false },
      { is: "check", path, version: typeof version === "number" ? version : 1 },
    ];
  }
}

const pick = <T>(from: readonly T[], random: Random): T => from[integerBelow(random, from.length)]!;

/** Without undefined fields, which only one of the two may have. */
const plain = (outcome: Outcome): unknown => JSON.parse(JSON.stringify(outcome));
