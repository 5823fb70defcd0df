import { integerBelow, type Random } from "@odradek/kit";

import type { Message } from "../peers/messages.ts";
import type { EventLoop } from "./sim-clock.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimNode } from "./sim-node.ts";
import type { Fault, SimPlan } from "./sim-plan.ts";

type Parts = { loop: EventLoop; network: SimNetwork; nodes: SimNode[]; random: Random; plan: SimPlan };

/** Does harm at random times until told to stop. */
export class Faults {
  readonly #parts: Parts;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    if (parts.plan.faults.includes("crashVoters")) parts.network.onSend = (from, message) => this.#voted(from, message);
    // Most worlds get the time to found their cluster, which takes all of its members.
    parts.loop.at(parts.random.next() < 0.9 ? 1500 : 0, () => this.#next());
  }

  /** Heals everything: links, disks, pauses; starts everyone. */
  stop(): void {
    const { network, nodes } = this.#parts;
    this.#stopped = true;
    network.heal();
    network.faults = { ...network.faults, loss: 0, duplication: 0, delayMsMean: 0.5 };
    for (const node of nodes) {
      node.disk.hangsUntilMs = 0;
      node.disk.syncMs = 0.5;
      if (node.paused) node.resume();
      if (!node.up) node.start();
    }
  }

  #next(): void {
    const { loop, random, plan } = this.#parts;
    loop.at(-Math.log(1 - random.next()) * plan.faultEveryMs, () => {
      if (this.#stopped) return;
      if (plan.faults.length > 0) this.#inject(plan.faults[integerBelow(random, plan.faults.length)]!);
      this.#next();
    });
  }

  #inject(fault: Fault): void {
    const { loop, nodes, random } = this.#parts;
    const node = nodes[integerBelow(random, nodes.length)]!;
    switch (fault) {
      case "crash":
        return this.#crash(node);
      case "crashLeader": {
        const leaders = nodes.filter((one) => one.driver?.core.state.role.is === "leader");
        for (const leader of leaders) this.#crash(leader);
        return;
      }
      case "crashVoters":
        return;
      case "crashAll":
        for (const one of nodes) this.#crash(one);
        return;
      case "isolate":
        for (const other of nodes) this.#cut(node, other, { bothWays: true });
        return this.#healSoon();
      case "halves": {
        const half = new Set(nodes.filter(() => random.next() < 0.5));
        for (const one of half)
          for (const other of nodes) if (!half.has(other)) this.#cut(one, other, { bothWays: true });
        return this.#healSoon();
      }
      case "oneWay":
        this.#cut(node, nodes[integerBelow(random, nodes.length)]!, { bothWays: false });
        return this.#healSoon();
      case "pause":
        node.pause();
        loop.at(100 + random.next() * 5000, () => node.resume());
        return;
      case "diskHang":
        node.disk.hangsUntilMs = loop.nowMs + random.next() * 4000;
        return;
      case "shutDown":
        void node.driver?.close().then(() => this.#crash(node));
        return;
      case "wipe":
      case "rot":
        if (this.#othersAreWhole(node))
          this.#crash(node, () => (fault === "wipe" ? node.disk.wipe() : node.disk.rot()));
        return;
      default:
        return fault satisfies never;
    }
  }

  /** One disk at a time may lose what it promised; more is more than any quorum of three survives. */
  #othersAreWhole(node: SimNode): boolean {
    return this.#parts.nodes.every(
      (other) => other === node || other.driver?.status().role === "leader" || whole(other),
    );
  }

  /** Whoever has just given its vote is the one to lose its memory. */
  #voted(from: number, message: Message): void {
    const { loop, nodes, random } = this.#parts;
    if (this.#stopped || message.is !== "voteReply" || !message.granted || random.next() < 0.7) return;
    const node = nodes.find((one) => one.id === from)!;
    loop.at(random.next() * 0.5, () => this.#crash(node));
  }

  #crash(node: SimNode, meanwhile: () => void = () => {}): void {
    const { loop, random } = this.#parts;
    if (!node.up) return;
    node.crash();
    meanwhile();
    loop.at(random.next() < 0.5 ? random.next() * 20 : random.next() ** 2 * 4000, () => {
      if (!node.up) node.start();
    });
  }

  #cut(one: SimNode, other: SimNode, { bothWays }: { bothWays: boolean }): void {
    if (one === other) return;
    this.#parts.network.cut(one.id, other.id);
    if (bothWays) this.#parts.network.cut(other.id, one.id);
  }

  #healSoon(): void {
    const { loop, network, random } = this.#parts;
    loop.at(200 + random.next() * 4000, () => network.heal());
  }
}

function whole(node: SimNode): boolean {
  const role = node.driver?.status().role;
  return role !== undefined && role !== "recovering" && node.driver!.status().term > 0;
}
