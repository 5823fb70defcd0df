import { type Files, type Kv, silentLogger } from "@odradek/kit";
import { MortalClock, MemoryFiles, MemoryKv, type SeededRandom, VirtualClock } from "@odradek/kit/testing";

import type { RaftDriver } from "../../raft/driver.ts";
import type { PlantedBugs } from "../../raft/options.ts";
import { startOnLinks } from "../../raft/start.ts";
import { JournalMachine } from "../journal-machine.ts";
import { RealDisk } from "./real-disk.ts";
import { Wires } from "./wires.ts";

export const memberIds = [1, 2, 3];
/** Of small numbers, so that a short history has all of it: log, snapshot, files of both kinds. */
const limits = { snapshotEntries: 24, tailEntries: 6 };
const stepMs = 5;

/** What a member in memory leaves behind. */
export type MemoryDisk = { rows: ReadonlyMap<string, Buffer>; mark: Buffer | null };
export type Member = {
  driver: RaftDriver<number>;
  machine: JournalMachine;
  clock: MortalClock;
  kv: Kv;
  files: Files;
  disk: RealDisk | null;
};

/** Three members under virtual time, on disks of any kind. */
export class Cluster {
  readonly clock = new VirtualClock();
  readonly wires = new Wires(this.clock);
  readonly members = new Map<number, Member>();
  /** Called after every step. */
  look: () => void = () => {};
  readonly #random: SeededRandom;
  readonly #planted: PlantedBugs;

  constructor(random: SeededRandom, planted: PlantedBugs = {}) {
    this.#random = random;
    this.#planted = planted;
  }

  async start(id: number, disk: { kv: Kv; files: Files; directory: string }): Promise<void> {
    const machine = new JournalMachine();
    const clock = new MortalClock(this.clock);
    const { kv, files, directory } = disk;
    const starting = startOnLinks({
      kv,
      files,
      directory,
      id,
      memberIds,
      links: () => this.wires.join(id),
      stateMachine: machine,
      clock,
      random: this.#random,
      logger: silentLogger,
      limits,
      planted: this.#planted,
    });
    this.members.set(id, {
      driver: await starting,
      machine,
      clock,
      kv: disk.kv,
      files: disk.files,
      disk: disk instanceof RealDisk ? disk : null,
    });
  }

  async startInMemory(id: number, disk: MemoryDisk): Promise<void> {
    const files = new MemoryFiles();
    files.makeDirectory("/raft");
    if (disk.mark) files.open("/raft/raft-mark", { create: true }).write([disk.mark], 0);
    await this.start(id, { kv: new MemoryKv({ rows: disk.rows }), files, directory: "/raft" });
  }

  /** kill -9. */
  stop(id: number): Member {
    const member = this.members.get(id)!;
    member.clock.die();
    this.members.delete(id);
    this.wires.leave(id);
    return member;
  }

  /** Of those who believe that they lead, the one with the newest term. */
  get leader(): Member | undefined {
    const leaders = [...this.members.values()].filter(({ driver }) => driver.leadership.is === "leader");
    return leaders.toSorted((a, b) => b.driver.leadership.term - a.driver.leadership.term)[0];
  }

  /** Lets time pass until the condition holds; false: it did not within `ms`. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    for (const startMs = this.clock.now(); !condition();) {
      if (this.clock.now() - startMs >= ms) return false;
      await this.clock.advance(stepMs);
      await this.#disks();
      this.look();
    }
    return true;
  }

  /** "applied": acknowledged. */
  async propose(line: string): Promise<string | null> {
    let outcome: string | null = null;
    void this.leader?.driver.propose(Buffer.from(line)).then(({ is }) => (outcome = is));
    await this.until(() => outcome !== null, 2_000);
    return outcome;
  }

  async #disks(): Promise<void> {
    for (const { disk } of this.members.values())
      while (disk?.isBusy) await new Promise((resolve) => setImmediate(resolve));
  }
}
