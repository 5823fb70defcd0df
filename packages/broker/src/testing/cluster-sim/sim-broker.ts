import { assert, type Random } from "@odradek/kit";
import { type EventLoop, isBug, ProcessClock } from "@odradek/kit/simulation";
import { SeededRandom } from "@odradek/kit/testing";

import { type Broker, startBroker } from "../../broker.ts";
import { brokerConfigFrom } from "../../config.ts";
import type { BrokerDisk } from "./broker-disk.ts";
import type { Links } from "./links.ts";
import { simLogger } from "./sim-log.ts";

export type SimBrokerParts = {
  id: number;
  loop: EventLoop;
  links: Links;
  disk: BrokerDisk;
  random: Random;
  settings: Readonly<Record<string, string>>;
  /** Something happened that must not. */
  failed: (error: unknown) => void;
  /** The process gives up. */
  ending: (broker: SimBroker) => void;
  /** It has; somebody starts it again. */
  ended: (broker: SimBroker) => void;
};

/** One process: `number` counts the lives of its broker. */
export type Life = { readonly clock: ProcessClock; readonly number: number; broker: Broker | null };

/** One whole broker — the product's own, on simulated ports — over all its lives. */
export class SimBroker {
  readonly disk: BrokerDisk;
  /** What its machine's clock is wrong by. */
  #wallSkewMs = 0;
  readonly #parts: SimBrokerParts;
  #life: Life | null = null;
  #lives = 0;

  constructor(parts: SimBrokerParts) {
    this.#parts = parts;
    this.disk = parts.disk;
  }

  get id(): number {
    return this.#parts.id;
  }

  get name(): string {
    return nameOf(this.id);
  }

  /** It is there and serves. */
  get isUp(): boolean {
    return this.#life !== null && this.#life.broker !== null;
  }

  /** Null while down. */
  get life(): Life | null {
    return this.#life;
  }

  get paused(): boolean {
    return this.#life?.clock.paused ?? false;
  }

  start(): void {
    assert(this.#life === null, "a broker lives once at a time");
    const { id, loop, links, disk, random, settings } = this.#parts;
    const clock = new ProcessClock(loop);
    clock.wallSkewMs = this.#wallSkewMs;
    const life: Life = { clock, number: ++this.#lives, broker: null };
    this.#life = life;
    const config = brokerConfigFrom(
      new Map(Object.entries({ ...settings, ...addressesOf(id), "log.dirs": disk.paths.join() })),
    );
    const ports = {
      clock,
      random: new SeededRandom(Math.floor(random.next() * 0x7fff_ffff)),
      files: disk.open(clock),
      ...links.ports(this.name, clock),
      logger: simLogger(this.name, () => loop.nowMs),
    };
    startBroker(config, ports).then(
      (broker) => {
        if (this.#life !== life) return;
        life.broker = broker;
        broker.failed.catch((error: unknown) => this.#ended(life, error));
      },
      (error: unknown) => this.#ended(life, error),
    );
  }

  /** Somebody, or something, sets the clock of its machine. */
  setClock(wallSkewMs: number): void {
    this.#wallSkewMs = wallSkewMs;
    if (this.#life !== null) this.#life.clock.wallSkewMs = wallSkewMs;
  }

  /** kill -9: what was written stays. */
  kill(): void {
    this.#die();
    this.disk.kill();
  }

  /** The machine is gone, with what its disk had not stored. */
  losePower(options: { sizesFirst: boolean }): void {
    this.#die();
    this.disk.losePower(options);
  }

  /** Stops in order, as on SIGTERM; `ending` is called before the process ends. Resolves when it has, or when it died meanwhile. */
  async stop(ending: () => void): Promise<void> {
    const life = this.#life;
    const broker = life?.broker ?? null;
    if (life === null || broker === null) return;
    const closed = await broker.close({ handOver: true }).then(
      () => null,
      (error: unknown) => error,
    );
    if (this.#life !== life) return;
    if (closed !== null) return this.#ended(life, closed);
    ending();
    this.kill();
  }

  #die(): void {
    this.#life?.clock.kill();
    this.#life = null;
    this.#parts.links.crash(this.name);
  }

  /** A process that gives up; it has a reason, or else it is a violation. A broken invariant is none, however ill its disks are. */
  #ended(life: Life, error: unknown): void {
    if (this.#life !== life) return;
    if (isBug(error)) return this.#parts.failed(error);
    if (!this.disk.mayFail && !(error instanceof Error && hasExcuse(error))) return this.#parts.failed(error);
    this.#parts.ending(this);
    this.kill();
    this.#parts.ended(this);
  }
}

export const nameOf = (broker: number): string => `b${broker}`;

function addressesOf(id: number): Record<string, string> {
  return {
    "node.id": `${id}`,
    listeners: `PLAINTEXT://${nameOf(id)}:9092`,
    "odradek.grpc.listener": `${nameOf(id)}:19092`,
  };
}

/** The coordination store could not be reached for long: the process ends, and is started again. */
const hasExcuse = (error: Error): boolean => /coordination store|metadata node/.test(error.message);
