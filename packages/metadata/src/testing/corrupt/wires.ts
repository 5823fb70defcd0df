import type { Clock } from "@odradek/kit";

import type { PeerLinks } from "../../peers/links.ts";
import type { Message } from "../../peers/messages.ts";

const latencyMs = 1;

/** Connects members in one process; a member that is away, or cut off, is silent. */
export class Wires {
  readonly #clock: Clock;
  readonly #ends = new Map<number, PeerLinks>();
  readonly #away = new Set<number>();
  onSend: (from: number, to: number, message: Message) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join(id: number): PeerLinks {
    const end: PeerLinks = {
      send: (to, message) => this.#send(id, to, message),
      onMessage: () => {},
      onDied: () => {},
      reaches: (peer) => this.#ends.has(peer) && !this.#away.has(peer) && !this.#away.has(id),
      reconfigure: () => {},
      close: () => Promise.resolve(),
    };
    this.#ends.set(id, end);
    return end;
  }

  leave(id: number): void {
    this.#ends.delete(id);
  }

  cutOff(id: number): void {
    this.#away.add(id);
  }

  #send(from: number, to: number, message: Message): void {
    this.onSend(from, to, message);
    const end = this.#ends.get(to);
    const isCut = (): boolean => this.#away.has(from) || this.#away.has(to) || this.#ends.get(to) !== end;
    this.#clock.timer(latencyMs, () => {
      if (!isCut()) end?.onMessage(from, message);
    });
  }
}
