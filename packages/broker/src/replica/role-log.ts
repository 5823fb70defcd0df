import type { Cancel, Clock, Logger } from "@odradek/kit";
import type { Role } from "../partition/role.ts";

/** Thousands of partitions may change roles at once: one line tells of all that did in this time. Each one's own line is for debugging. */
const TOLD_AFTER_MS = 1000;

/** Tells the log how many partitions have taken which role. */
export class RoleLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counts = { leader: 0, follower: 0, offline: 0 };
  #cancel: Cancel | null = null;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  changed(role: Role): void {
    this.#counts[role.is]++;
    this.#cancel ??= this.#clock.timer(TOLD_AFTER_MS, () => this.#tell());
  }

  close(): void {
    if (this.#cancel === null) return;
    this.#cancel();
    this.#tell();
  }

  #tell(): void {
    this.#cancel = null;
    this.#logger.info({ evt: "roles", ...this.#counts }, "partitions have changed roles");
    Object.assign(this.#counts, { leader: 0, follower: 0, offline: 0 });
  }
}
