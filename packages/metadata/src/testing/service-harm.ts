import { integerBelow } from "@odradek/kit";
import { type MemoryNetwork, SeededRandom } from "@odradek/kit/testing";
import type { EventLoop } from "@odradek/kit/simulation";

import type { ServiceClient } from "./service-client.ts";
import type { JudgedSessions } from "./service-judged.ts";
import type { ServiceNode } from "./service-node.ts";
import type { ClientInjection } from "./service-plan.ts";
import { judgement } from "../api/judge.ts";

type Parts = {
  loop: EventLoop;
  network: MemoryNetwork;
  nodes: readonly ServiceNode[];
  clients: readonly ServiceClient[];
  judged: JudgedSessions;
  timeoutMs: number;
  schedule: readonly ClientInjection[];
};

/** A killed process breaks its connections; a leader that is just new gives it longer. */
const killedMs = judgement.graceMs + judgement.newLeaderGraceMs;
const stallMs = 10_000;

/** Does the harm of a schedule to clients until told to stop. */
export class ClientFaults {
  readonly #parts: Parts;
  #isStopped = false;
  #isStalled = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const { atMs, fault, chance } of parts.schedule)
      parts.loop.at(atMs, () => {
        if (!this.#isStopped && !this.#isStalled) this.#harm(fault, new SeededRandom(chance));
      });
  }

  /** Heals the links of clients and wakes those that stand still. The dead stay dead. */
  stop(): void {
    const { clients, nodes, network } = this.#parts;
    this.#isStopped = true;
    if (this.#isStalled) this.#wake();
    for (const client of clients) if (client.clock.paused) client.clock.resume();
    // What the dead had sent must not come now, as if they lived.
    const living = clients.filter(({ alive }) => alive);
    for (const { host } of living) for (const { id } of nodes) network.heal(host, `m${id}`);
  }

  #harm(fault: ClientInjection["fault"], random: SeededRandom): void {
    const { loop, clients } = this.#parts;
    const client = clients[integerBelow(random, clients.length)];
    if (fault === "everythingStalls") return this.#stall();
    if (fault === "leaderCut") return this.#cutLeader(random);
    if (!client?.alive) return;
    switch (fault) {
      case "clientReset":
        return client.reset();
      case "clientDies":
        return this.#kill(client);
      case "clientVanishes":
        this.#died(client, this.#parts.timeoutMs);
        return client.vanish();
      case "clientRestarts":
        this.#kill(client);
        return client.restart();
      case "clientCloses":
        return void client.session?.close();
      case "clientPause":
        client.clock.pause();
        return void loop.at(random.next() * 8000, () => client.clock.resume());
      case "clientCut":
        return this.#cut(client, random);
      case "rackFails":
        return this.#failRack(client, random);
      default:
        return fault satisfies never;
    }
  }

  #kill(client: ServiceClient): void {
    this.#died(client, killedMs);
    client.die();
  }

  #died({ session }: ServiceClient, withinMs: number): void {
    if (session) this.#parts.judged.died(session.id, withinMs);
  }

  #cut({ host }: ServiceClient, random: SeededRandom): void {
    const { loop, network, nodes } = this.#parts;
    const member = `m${nodes[integerBelow(random, nodes.length)]!.id}`;
    const way = integerBelow(random, 4);
    if (way !== 1) network.cutOneWay(host, member);
    if (way !== 2) network.cutOneWay(member, host);
    loop.at(random.next() * 5000, () => network.heal(host, member));
  }

  /** The leader is cut off from the other members; when they have elected another one, some clients look for it while the rest stay. */
  #cutLeader(random: SeededRandom): void {
    const { loop, network, nodes, clients } = this.#parts;
    const leader = this.#leader();
    if (!leader) return;
    const others = nodes.filter((node) => node !== leader);
    for (const { id } of others) network.cut(`m${leader.id}`, `m${id}`);
    for (const client of clients.slice(1 + integerBelow(random, clients.length - 1)))
      loop.at(500 + random.next() * 400, () => client.reset());
    loop.at(1000 + random.next() * 1500, () => {
      for (const { id } of others) network.heal(`m${leader.id}`, `m${id}`);
    });
  }

  #leader(): ServiceNode | undefined {
    return this.#parts.nodes.find(({ node }) => node?.consensus.leadership.is === "leader");
  }

  /** A client begins anew, and dies together with the leader when its session is hardly known to anyone. */
  #failRack(client: ServiceClient, random: SeededRandom): void {
    const { loop } = this.#parts;
    client.restart();
    loop.at(random.next() * 60, () => {
      const leader = this.#leader();
      if (this.#isStopped || !leader) return;
      if (client.alive) this.#kill(client);
      leader.crash();
      loop.at(random.next() * 2000, () => {
        if (!leader.up) leader.start();
      });
      if (random.next() < 0.7)
        loop.at(3000 + random.next() * 3000, () => {
          if (!client.alive && !this.#isStopped) client.restart();
        });
    });
  }

  /** The whole machine stands still: nobody may die of it (RELIABILITY C-18). */
  #stall(): void {
    const { loop, clients, nodes } = this.#parts;
    this.#isStalled = true;
    for (const { clock } of clients) clock.pause();
    for (const node of nodes) node.stall();
    loop.at(stallMs, () => {
      if (this.#isStalled) this.#wake();
    });
  }

  #wake(): void {
    const { clients, nodes } = this.#parts;
    this.#isStalled = false;
    for (const { clock } of clients) clock.resume();
    for (const node of nodes) node.wake();
  }
}
