import type { Cancel, Clock } from "@odradek/kit";

/** The clock of one simulated process: from its death on nothing that it had planned happens. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #mourners: (() => void)[] = [];
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  die(): void {
    this.#isDead = true;
    for (const mourn of this.#mourners.splice(0)) mourn();
  }

  onDeath(mourn: () => void): void {
    this.#mourners.push(mourn);
  }

  now(): number {
    return this.#clock.now();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  timer(delayMs: number, run: () => void): Cancel {
    return this.#clock.timer(delayMs, () => {
      if (!this.#isDead) run();
    });
  }

  afterTick(run: () => void): void {
    this.#clock.afterTick(() => {
      if (!this.#isDead) run();
    });
  }
}
