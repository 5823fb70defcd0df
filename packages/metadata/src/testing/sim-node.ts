import { assert, type KvWrite, type Random, silentLogger } from "@odradek/kit";
import { type EventLoop, ProcessClock, Violation } from "@odradek/kit/simulation";

import type { CompactionLimits } from "../raft/compaction.ts";
import type { Applied, CommittedEntry, Loading } from "../raft/consensus.ts";
import type { RaftDriver } from "../raft/driver.ts";
import type { RaftLimits, RaftTiming } from "../raft/options.ts";
import { startOnLinks } from "../raft/start.ts";
import { JournalMachine } from "./journal-machine.ts";
import { type Checks } from "./sim-checks.ts";
import { drawChange } from "./sim-members.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { SimNetwork } from "./sim-network.ts";

export type SimNodeParts = {
  id: number;
  /** The founders, and this node itself. */
  members: number[];
  /** It comes to a cluster that exists, once it is asked to. */
  joining: boolean;
  loop: EventLoop;
  network: SimNetwork;
  disk: SimDisk;
  checks: Checks;
  random: Random;
  limits: Partial<RaftLimits & CompactionLimits>;
  timing: RaftTiming;
  failed: (error: unknown) => void;
};

/** A journal that reports everything it does. */
class WatchedJournal extends JournalMachine {
  readonly #id: number;
  readonly #checks: Checks;

  constructor(id: number, checks: Checks) {
    super();
    this.#id = id;
    this.#checks = checks;
  }

  override apply(entry: CommittedEntry): Applied<number> {
    const applied = super.apply(entry);
    this.#checks.applied(this.#id, applied.result, this.lines[applied.result - 1]!);
    return applied;
  }

  override loading(): Loading {
    const { add, finish } = super.loading();
    return {
      add,
      finish: () => {
        finish();
        this.#checks.loaded(this.#id, this.lines);
      },
    };
  }

  override restore(snapshot: Buffer): KvWrite[] {
    const writes = super.restore(snapshot);
    this.#checks.loaded(this.#id, this.lines);
    return writes;
  }
}

type Life = { clock: ProcessClock; machine: WatchedJournal; driver: RaftDriver<number> | null };

/** One member over all its lives. */
export class SimNode {
  readonly disk: SimDisk;
  readonly #parts: SimNodeParts;
  #life: Life | null = null;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.disk = parts.disk;
  }

  get id(): number {
    return this.#parts.id;
  }

  get joining(): boolean {
    return this.#parts.joining;
  }

  get up(): boolean {
    return this.#life !== null;
  }

  get paused(): boolean {
    return this.#life?.clock.paused ?? false;
  }

  /** Null while down or starting. */
  get driver(): RaftDriver<number> | null {
    return this.#life?.driver ?? null;
  }

  get lines(): number {
    return this.#life?.machine.lines.length ?? 0;
  }

  start(): void {
    assert(this.#life === null, "a node lives once at a time");
    const { id, members, joining, loop, network, checks, random, limits, timing } = this.#parts;
    const clock = new ProcessClock(loop);
    const { kv, files } = this.disk.open(clock);
    const life: Life = { clock, machine: new WatchedJournal(id, checks), driver: null };
    this.#life = life;
    const fail = (error: unknown): void => {
      if (this.#life !== life) return;
      if (!this.disk.fails) return this.#parts.failed(error);
      this.crash();
      loop.at(100, () => {
        if (this.#life === null) this.start();
      });
    };
    startOnLinks({
      id,
      memberIds: members,
      joining,
      links: () => network.join(id, clock),
      stateMachine: life.machine,
      kv,
      files,
      directory: "/raft",
      clock,
      random,
      logger: { ...silentLogger, error: (fields, message) => this.#said(fields, message) },
      limits,
      timing,
      onFailed: fail,
    }).then((driver) => {
      if (this.#life !== life) return;
      life.driver = driver;
      driver.noteSpace(this.disk.space);
    }, fail);
  }

  /** kill -9 and power loss in one: what was not synced is lost, or not. */
  crash(): void {
    this.#life?.clock.kill();
    this.#life = null;
    this.disk.crash();
    this.#parts.network.leave(this.id);
  }

  async shutDown(): Promise<void> {
    await this.#life?.driver?.close();
  }

  /** Does something inside the process: once it wakes up, if it is paused. */
  run(act: (driver: RaftDriver<number>) => void): void {
    const life = this.#life;
    life?.clock.run(() => {
      if (life.driver) act(life.driver);
    });
  }

  /** Whether anything ran in its process since this was asked last. */
  takeRan(): boolean {
    return this.#life?.clock.takeRan() ?? false;
  }

  noteSpace(): void {
    this.run((driver) => driver.noteSpace(this.disk.space));
  }

  transfer(to?: number): void {
    this.run((driver) => void driver.transfer(to));
  }

  changeMembers(random: Random, ids: readonly number[]): void {
    this.run((driver) => {
      const change = drawChange(random, ids, driver.core.state);
      if (change) void driver.change(change);
    });
  }

  /** Nobody is told that their promises are lost while they are not. */
  #said(fields: object, message: string): void {
    if ("evt" in fields && fields.evt === "store_damaged" && !this.disk.harmed)
      this.#parts.failed(new Violation(`node ${this.id}: ${message}: ${JSON.stringify(fields)}`));
  }

  pause(): void {
    this.#life?.clock.pause();
  }

  resume(): void {
    this.#life?.clock.resume();
  }
}
