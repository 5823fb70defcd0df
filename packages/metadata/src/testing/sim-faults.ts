import { integerBelow, type Random } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import type { EventLoop } from "@odradek/kit/simulation";

import type { Message } from "../peers/messages.ts";
import type { RaftCore } from "../raft/core.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { NetworkFaults } from "./sim-network.ts";
import type { Injection } from "./sim-plan.ts";

/** A member over all its lives. */
export type FaultyNode = {
  readonly id: number;
  readonly up: boolean;
  readonly paused: boolean;
  readonly disk: SimDisk;
  /** Null while down or starting. */
  readonly driver: { readonly core: RaftCore } | null;
  start(): void;
  crash(): void;
  pause(): void;
  resume(): void;
  transfer(): void;
  shutDown(): Promise<void>;
};

export type FaultyNetwork = {
  faults: NetworkFaults;
  onSend: (from: number, message: Message) => void;
  cut(from: number, to: number): void;
  healLink(one: number, other: number): void;
  heal(): void;
};

type Parts = {
  loop: EventLoop;
  network: FaultyNetwork;
  nodes: readonly FaultyNode[];
  schedule: readonly Injection[];
  quickRestarts: number;
};

/** Does the harm of a schedule until told to stop. Chance is that of each injection, so that leaving one out changes no other. */
export class Faults {
  readonly #parts: Parts;
  #stopped = false;
  /** For a while, some of those who vote lose their memory at once. */
  #voters: { random: Random; untilMs: number } | null = null;
  /** For a while, new leaders die before they get far. */
  #reigns: { random: Random; untilMs: number } | null = null;
  #lastTerm = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.network.onSend = (from, message) => this.#sent(from, message);
    for (const { atMs, fault, chance } of parts.schedule)
      parts.loop.at(atMs, () => {
        if (!this.#stopped) this.#inject(fault, new SeededRandom(chance));
      });
  }

  /** Heals everything: links, disks, pauses; starts everyone. */
  stop(): void {
    const { network, nodes } = this.#parts;
    this.#stopped = true;
    network.heal();
    network.faults = { ...network.faults, loss: 0, duplication: 0, straggling: 0, delayMsMean: 0.5 };
    for (const node of nodes) {
      node.disk.hangsUntilMs = 0;
      node.disk.syncMs = 0.5;
      if (node.paused) node.resume();
      if (!node.up) node.start();
    }
  }

  #inject(fault: Injection["fault"], random: Random): void {
    const { loop, nodes } = this.#parts;
    const node = pick(nodes, random);
    switch (fault) {
      case "crash":
        return this.#crash(node, random);
      case "crashLeader":
        for (const leader of this.#leaders()) this.#crash(leader, random);
        return;
      case "crashStarting":
        this.#crash(node, random);
        node.start();
        loop.at(random.next() * 20, () => this.#crash(node, random));
        return;
      case "crashVoter":
        this.#voters = { random, untilMs: loop.nowMs + 4000 };
        return;
      case "shortReigns":
        this.#reigns = { random, untilMs: loop.nowMs + 4000 };
        return;
      case "crashAll":
        for (const one of nodes) this.#crash(one, random);
        return;
      case "isolate":
      case "halves":
      case "oneWay":
      case "swizzle":
        return this.#divide(fault, node, random);
      case "pause":
        node.pause();
        loop.at(100 + random.next() * 5000, () => node.resume());
        return;
      case "diskHang":
        node.disk.hangsUntilMs = loop.nowMs + random.next() * 4000;
        return;
      case "diskFails":
        node.disk.failNext();
        return;
      case "transfer":
        for (const leader of this.#leaders()) leader.transfer();
        return;
      case "shutDown":
        void node.shutDown().then(() => this.#crash(node, random));
        return;
      case "wipe":
      case "rot":
        if (this.#othersAreWhole(node))
          this.#crash(node, random, () => (fault === "wipe" ? node.disk.wipe() : node.disk.rot()));
        return;
      default:
        return fault satisfies never;
    }
  }

  #divide(fault: "isolate" | "halves" | "oneWay" | "swizzle", node: FaultyNode, random: Random): void {
    const { loop, network, nodes } = this.#parts;
    if (fault === "isolate") for (const other of nodes) this.#cut(node, other, { bothWays: true });
    if (fault === "oneWay") this.#cut(node, pick(nodes, random), { bothWays: false });
    if (fault === "halves") {
      const half = new Set(nodes.filter(() => random.next() < 0.5));
      for (const one of half)
        for (const other of nodes) if (!half.has(other)) this.#cut(one, other, { bothWays: true });
    }
    if (fault !== "swizzle") return void loop.at(200 + random.next() * 4000, () => network.heal());
    // One link after the other is cut, and they heal in another order.
    for (const other of nodes) {
      if (random.next() < 0.3) continue;
      loop.at(random.next() * 1000, () => this.#cut(node, other, { bothWays: random.next() < 0.5 }));
      loop.at(1000 + random.next() * 2000, () => network.healLink(node.id, other.id));
    }
  }

  #leaders(): FaultyNode[] {
    return this.#parts.nodes.filter((one) => one.driver?.core.state.role.is === "leader");
  }

  /** One disk at a time may lose what it promised; more is more than any quorum of three survives. */
  #othersAreWhole(node: FaultyNode): boolean {
    return this.#parts.nodes.every((other) => other === node || whole(other));
  }

  #sent(from: number, message: Message): void {
    const { loop, nodes } = this.#parts;
    if (this.#stopped) return;
    const node = nodes.find((one) => one.id === from)!;
    const isFirst = message.is === "append" && message.term > this.#lastTerm;
    if (isFirst) this.#lastTerm = message.term;
    if (isFirst && this.#reigns && loop.nowMs < this.#reigns.untilMs && this.#reigns.random.next() < 0.7) {
      const { random } = this.#reigns;
      loop.at(random.next() * 80, () => this.#crash(node, random));
    }
    if (!this.#voters || loop.nowMs > this.#voters.untilMs) return;
    const { random } = this.#voters;
    if (message.is === "voteReply" && message.granted && random.next() < 0.3)
      loop.at(random.next() * 0.5, () => this.#crash(node, random));
    if (message.is === "vote" && random.next() < 0.1) loop.at(random.next() * 50, () => this.#crash(node, random));
  }

  #crash(node: FaultyNode, random: Random, meanwhile: () => void = () => {}): void {
    const { loop } = this.#parts;
    if (!node.up) return;
    node.crash();
    meanwhile();
    loop.at(random.next() < this.#parts.quickRestarts ? random.next() * 20 : random.next() ** 2 * 4000, () => {
      if (!node.up) node.start();
    });
  }

  #cut(one: FaultyNode, other: FaultyNode, { bothWays }: { bothWays: boolean }): void {
    if (one === other || this.#stopped) return;
    this.#parts.network.cut(one.id, other.id);
    if (bothWays) this.#parts.network.cut(other.id, one.id);
  }
}

const pick = <T>(from: readonly T[], random: Random): T => from[integerBelow(random, from.length)]!;

function whole({ driver }: FaultyNode): boolean {
  if (driver === null) return false;
  const { standing, term, floor, rollCall, draft, pending } = driver.core.state;
  // What it took over from others counts once it is on its own disk.
  return standing === "voter" && term > 0 && !floor && !rollCall && draft === null && pending.length === 0;
}
