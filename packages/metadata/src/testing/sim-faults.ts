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
  /** Of the time that cuts, pauses and absences last. */
  scale?: number;
};

/** Does the harm of a schedule until told to stop. Chance is that of each injection, so that leaving one out changes no other. */
export class Faults {
  readonly #parts: Parts;
  readonly #scale: number;
  #stopped = false;
  /** For a while, some of those who vote lose their memory at once. */
  #voters: { random: Random; untilMs: number } | null = null;
  /** For a while, new leaders die before they get far. */
  #reigns: { random: Random; untilMs: number } | null = null;
  /** For a while, nodes lose their memory right after they promised something, or made it known. */
  #promises: { random: Random; untilMs: number } | null = null;
  #lastTerm = 0;
  #lastCommit = 0;
  /** Who shuts down right now. */
  readonly #leaving = new Set<FaultyNode>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#scale = parts.scale ?? 1;
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
    for (const node of this.#leaving) if (node.up) node.crash();
    for (const node of nodes) {
      node.disk.heal();
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
        this.#voters = { random, untilMs: loop.nowMs + this.#ms(4000) };
        return;
      case "crashPromising":
        this.#promises = { random, untilMs: loop.nowMs + this.#ms(2000) };
        return;
      case "shortReigns":
        this.#reigns = { random, untilMs: loop.nowMs + this.#ms(4000) };
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
        loop.at(this.#ms(100 + random.next() * 5000), () => node.resume());
        return;
      case "diskHang":
        node.disk.hangsUntilMs = loop.nowMs + this.#ms(random.next() * 4000);
        return;
      case "diskFails":
        node.disk.failNext();
        return;
      case "transfer":
        for (const leader of this.#leaders()) leader.transfer();
        return;
      case "shutDown":
        this.#leaving.add(node);
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
    if (fault !== "swizzle") return void loop.at(this.#ms(200 + random.next() * 4000), () => network.heal());
    // One link after the other is cut, and they heal in another order.
    for (const other of nodes) {
      if (random.next() < 0.3) continue;
      loop.at(this.#ms(random.next() * 1000), () => this.#cut(node, other, { bothWays: random.next() < 0.5 }));
      loop.at(this.#ms(1000 + random.next() * 2000), () => network.healLink(node.id, other.id));
    }
  }

  #ms(unscaledMs: number): number {
    return unscaledMs * this.#scale;
  }

  #leaders(): FaultyNode[] {
    return this.#parts.nodes.filter((one) => one.driver?.core.state.role.is === "leader");
  }

  /** One disk at a time may lose what it promised; more is more than any quorum of three survives. */
  #othersAreWhole(node: FaultyNode): boolean {
    return this.#parts.nodes.every((other) => other === node || whole(other));
  }

  #sent(from: number, message: Message): void {
    const { nodes } = this.#parts;
    if (this.#stopped) return;
    const node = nodes.find((one) => one.id === from)!;
    if (message.is === "append") this.#appendSent(node, message);
    if (message.is === "appendReply" && !message.rejected) this.#crashPromising(node, 0.02);
    const voters = this.#current(this.#voters);
    if (!voters) return;
    if (message.is === "voteReply" && message.granted && voters.next() < 0.3) this.#crashSoon(node, voters, 0.5);
    if (message.is === "vote" && voters.next() < 0.1) this.#crashSoon(node, voters, 50);
  }

  #appendSent(leader: FaultyNode, { term, commit }: Extract<Message, { is: "append" }>): void {
    if (term > this.#lastTerm) {
      this.#lastTerm = term;
      const reigns = this.#current(this.#reigns);
      if (reigns && reigns.next() < 0.7) this.#endReign(leader, reigns);
    }
    if (commit > this.#lastCommit) {
      this.#lastCommit = commit;
      this.#crashPromising(leader, 0.1);
    }
  }

  #crashPromising(node: FaultyNode, probability: number): void {
    const promises = this.#current(this.#promises);
    if (!promises || promises.next() >= probability) return;
    this.#crashSoon(node, promises, 0.5);
    if (promises.next() < 0.5) for (const other of this.#parts.nodes) this.#crashSoon(other, promises, 0.5);
  }

  #current(window: { random: Random; untilMs: number } | null): Random | null {
    return window && this.#parts.loop.nowMs < window.untilMs ? window.random : null;
  }

  #crashSoon(node: FaultyNode, random: Random, withinMs: number): void {
    this.#parts.loop.at(random.next() * withinMs, () => this.#crash(node, random));
  }

  /** What a leader that dies soon has sent has often reached few (Raft figure 8). */
  #endReign(leader: FaultyNode, random: Random): void {
    const { loop, network, nodes } = this.#parts;
    const unreached = random.next() < 0.5 ? nodes.filter(() => random.next() < 0.7) : [];
    for (const other of unreached) this.#cut(leader, other, { bothWays: false });
    loop.at(random.next() * 80, () => {
      this.#crash(leader, random);
      for (const other of unreached) network.healLink(leader.id, other.id);
    });
  }

  #crash(node: FaultyNode, random: Random, meanwhile: () => void = () => {}): void {
    const { loop } = this.#parts;
    if (!node.up || this.#stopped) return;
    node.crash();
    this.#leaving.delete(node);
    meanwhile();
    const isQuick = random.next() < this.#parts.quickRestarts;
    loop.at(isQuick ? random.next() * 20 : this.#ms(random.next() ** 2 * 4000), () => {
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
