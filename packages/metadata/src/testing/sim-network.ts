import type { Random } from "@odradek/kit";
import type { EventLoop, ProcessClock } from "@odradek/kit/simulation";

import type { PeerLinks } from "../peers/links.ts";
import type { Message } from "../peers/messages.ts";
import { talk } from "../peers/wire.ts";

export type NetworkFaults = {
  /** Probabilities per message. */
  loss: number;
  duplication: number;
  delayMsMean: number;
  /** Probability that a message comes much later, when elections have passed. */
  straggling: number;
  /** Send every message through the real encoding. */
  encoded: boolean;
};

/** Messages between simulated nodes: late, lost, twice, in any order; links can be cut one way. */
export class SimNetwork {
  faults: NetworkFaults;
  /** Sees every message that leaves. */
  onSend: (from: number, message: Message) => void = () => {};
  readonly #loop: EventLoop;
  readonly #random: Random;
  readonly #stragglingMsMax: number;
  readonly #ends = new Map<number, { links: SimLinks; clock: ProcessClock }>();
  readonly #cuts = new Set<string>();

  constructor(loop: EventLoop, random: Random, faults: NetworkFaults, stragglingMsMax: number) {
    this.#loop = loop;
    this.#random = random;
    this.#stragglingMsMax = stragglingMsMax;
    this.faults = faults;
  }

  join(id: number, clock: ProcessClock): SimLinks {
    const links = new SimLinks((to, message) => this.#send(id, to, message));
    this.#ends.set(id, { links, clock });
    return links;
  }

  /** The node's process is gone, and the others notice that it refuses connections. */
  leave(id: number): void {
    this.#ends.delete(id);
    for (const [other, { links, clock }] of this.#ends)
      if (!this.#isCut(other, id) && this.#random.next() < 0.8)
        this.#loop.at(1 + this.#random.next() * 5, () => clock.run(() => links.onDied(id)));
  }

  cut(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  healLink(one: number, other: number): void {
    this.#cuts.delete(`${one}>${other}`);
    this.#cuts.delete(`${other}>${one}`);
  }

  #isCut(from: number, to: number): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  #send(from: number, to: number, message: Message): void {
    const { loss, duplication, encoded } = this.faults;
    this.onSend(from, message);
    const carried = encoded ? (talk.decodeRequest(Buffer.from(talk.encodeRequest(message))) as Message) : message;
    do {
      if (this.#random.next() >= loss) this.#loop.at(this.#delayMs(), () => this.#deliver(from, to, carried));
    } while (this.#random.next() < duplication);
  }

  #deliver(from: number, to: number, message: Message): void {
    const end = this.#ends.get(to);
    if (end && !this.#isCut(from, to)) end.clock.run(() => end.links.onMessage(from, message));
  }

  #delayMs(): number {
    const { straggling, delayMsMean } = this.faults;
    const lateMs = this.#random.next() < straggling ? this.#random.next() * this.#stragglingMsMax : 0;
    return 0.05 - Math.log(1 - this.#random.next()) * delayMsMean + lateMs;
  }
}

export class SimLinks implements PeerLinks {
  onMessage: (from: number, message: Message) => void = () => {};
  onDied: (peer: number) => void = () => {};
  readonly send: (to: number, message: Message) => void;
  /** Everyone reaches everyone here. */
  readonly reaches = (): boolean => true;
  readonly reconfigure = (): void => {};

  constructor(send: (to: number, message: Message) => void) {
    this.send = send;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
