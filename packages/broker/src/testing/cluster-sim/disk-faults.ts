import { integerBelow, type Random } from "@odradek/kit";
import type { EventLoop } from "@odradek/kit/simulation";

import type { MachineDisk } from "./machine-disk.ts";
import type { DiskFault } from "./schedule.ts";
import type { SimBroker } from "./sim-broker.ts";

type Parts = {
  loop: EventLoop;
  /** Kills the broker's process, if there is one, and has it started again, at once or when it comes. */
  restart: (broker: SimBroker, random: Random, awayMs?: number) => void;
  /** Whether nothing is lost when this broker forgets what it had. */
  mayForget: (broker: SimBroker) => boolean;
  /** It has. */
  forgot: (broker: SimBroker) => void;
};

/** Disks that fill up, take no more writes or answer no more; after a while somebody frees, mends or replaces them and starts the broker again. */
export class DiskFaults {
  readonly #parts: Parts;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  inject(fault: DiskFault, broker: SimBroker, random: Random): void {
    const { disks } = broker.disk;
    const disk = disks[integerBelow(random, disks.length)]!;
    if (!disk.isWell) return;
    broker.disk.willFail();
    if (fault === "diskFull") disk.fill(integerBelow(random, 1_500));
    else disk.health = random.next() < 0.5 ? "dead" : "readOnly";
    const isReplaced = fault === "diskDies" && random.next() < 0.3;
    const mendedMs = 300 + random.next() ** 2 * 5_000;
    // Many start it again before they look for the reason.
    if (random.next() < 0.6) this.#soon(mendedMs * random.next(), disk, () => this.#parts.restart(broker, random, 0));
    this.#soon(mendedMs, disk, () => this.#mend(broker, disk, { isReplaced, random }));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Unless all is well by then. */
  #soon(delayMs: number, disk: MachineDisk, work: () => void): void {
    this.#parts.loop.at(delayMs, () => {
      if (!this.#stopped && !disk.isWell) work();
    });
  }

  #mend(broker: SimBroker, disk: MachineDisk, how: { isReplaced: boolean; random: Random }): void {
    const { restart, mayForget, forgot } = this.#parts;
    const isReplaced = how.isReplaced && mayForget(broker);
    if (!isReplaced) disk.mend();
    restart(broker, how.random);
    if (!isReplaced) return;
    disk.replace(integerBelow(how.random, 0x7fff_ffff));
    forgot(broker);
  }
}
