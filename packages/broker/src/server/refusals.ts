import type { Clock, Logger } from "@odradek/kit";
import { serverLimits } from "./limits.ts";

/** Tells the log of connections that are turned away: at once, then now and then, for there may be thousands a second. */
export class Refusals {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #toldAt = -Infinity;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** One more, from this address, while `connections` are there. */
  refused(remoteAddress: string, connections: number): void {
    this.#count++;
    const now = this.#clock.now();
    if (now - this.#toldAt < serverLimits.refusalsToldEveryMs) return;
    this.#toldAt = now;
    const fields = { evt: "connections-refused", count: this.#count, connections, remoteAddress };
    this.#logger.warn(fields, "too many connections: new ones are turned away");
    this.#count = 0;
  }
}
