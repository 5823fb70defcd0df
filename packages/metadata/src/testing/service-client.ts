import { type Random, silentLogger } from "@odradek/kit";
import type { MemoryNetwork } from "@odradek/kit/testing";
import { type EventLoop, isBug, ProcessClock, processRpc } from "@odradek/kit/simulation";

import { openSession } from "../client/session.ts";
import type { Session } from "../client/types.ts";
import type { Histories } from "./service-histories.ts";
import { Counting } from "./service-lock.ts";
import type { ServiceModel } from "./service-model.ts";
import { CheckedSession, type Known } from "./service-session.ts";
import { work } from "./service-work.ts";

export type ServiceClientParts = {
  name: string;
  /** Of all clients. */
  names: readonly string[];
  members: Map<number, string>;
  loop: EventLoop;
  network: MemoryNetwork;
  model: ServiceModel;
  random: Random;
  timeoutMs: number;
  everyMs: number;
  readShare: number;
  /** Counts under a lock. */
  counts: boolean;
  /** What the clients of the world know together. */
  known: Known;
  histories: Histories;
  failed: (error: unknown) => void;
};

/** A client's program over all the lives of its process. It opens a new session when one ends. */
export class ServiceClient {
  readonly name: string;
  readonly #parts: ServiceClientParts;
  #lives = 0;
  #clock: ProcessClock;
  #session: CheckedSession | null = null;
  #isIdle = false;
  /** That it got, over all lives. */
  answers = 0;

  constructor(parts: ServiceClientParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#clock = this.#begin();
  }

  /** Null while there is none. */
  get session(): Session | null {
    return this.#session;
  }

  get alive(): boolean {
    return this.#clock.alive;
  }

  get clock(): ProcessClock {
    return this.#clock;
  }

  /** Its name in the network, where every life is another one. */
  get host(): string {
    return `${this.name}.${this.#lives}`;
  }

  /** The process dies without a word: its connections break. */
  die(): void {
    this.#clock.kill();
    this.#parts.network.crash(this.host);
    this.#session = null;
  }

  /** The whole machine dies: nobody is told. */
  vanish(): void {
    const { network, members } = this.#parts;
    for (const id of members.keys()) network.cut(this.host, `m${id}`);
    this.#clock.kill();
    this.#session = null;
  }

  /** A new process in place of the one that is dead, or still lives. */
  restart(): void {
    if (this.alive) this.die();
    this.#clock = this.#begin();
  }

  /** All its connections break; it lives on. */
  reset(): void {
    this.#parts.network.crash(this.host);
  }

  /** From now on nothing is asked. */
  rest(): void {
    this.#isIdle = true;
  }

  /** After every event. */
  look(): void {
    this.#session?.look();
  }

  #begin(): ProcessClock {
    const clock = new ProcessClock(this.#parts.loop);
    this.#lives++;
    void this.#live(clock).catch((error: unknown) => {
      if (clock.alive) this.#parts.failed(error);
    });
    return clock;
  }

  async #live(clock: ProcessClock): Promise<void> {
    const {
      name,
      names,
      members,
      network,
      random,
      timeoutMs,
      everyMs,
      readShare,
      counts,
      model,
      known,
      histories,
      failed,
    } = this.#parts;
    const ports = { clock, random, rpc: processRpc(network.rpc(this.host), clock), logger: silentLogger };
    const counting = counts ? new Counting(clock, random) : null;
    while (clock.alive) {
      try {
        const opened = await openSession({ members, ...ports, timeoutMs, connectTimeoutMs: 20_000, name });
        const answered = (): void => void this.answers++;
        const session = new CheckedSession({ session: opened, name, model, known, histories, failed, answered });
        this.#session = session;
        await work(session, {
          name,
          names,
          model,
          random,
          clock,
          everyMs,
          readShare,
          counting,
          isIdle: () => this.#isIdle,
        });
      } catch (error) {
        if (isBug(error)) throw error;
      }
      this.#session = null;
    }
  }
}
