import { integerBelow, type Random } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import type { EventLoop } from "@odradek/kit/simulation";

import type { Message } from "../peers/messages.ts";
import { Ambush } from "./sim-ambush.ts";
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
  /** Not a founder: it has promised nothing before it is added. */
  readonly joining?: boolean;
  /** It looks how much room its disk has. */
  noteSpace?(): void;
  transfer(to?: number): void;
  /** Asks it for another set of members, if it leads. */
  changeMembers?(random: Random, ids: readonly number[]): void;
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
  readonly #ambush: Ambush;
  /** Who shuts down right now. */
  readonly #leaving = new Set<FaultyNode>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#scale = parts.scale ?? 1;
    this.#ambush = new Ambush({
      ...parts,
      crash: (node, random) => this.#crash(node, random),
      cut: (from, to) => this.#cut(from, to, { bothWays: false }),
      elected: (leader, random) => this.#changeHastily(leader, random),
    });
    parts.network.onSend = (from, message) => {
      if (!this.#stopped) this.#ambush.sent(from, message);
    };
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
      node.noteSpace?.();
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
      case "crashElected":
      case "shortReigns":
      case "hastyChanges":
        return this.#ambush.lay(fault, random, loop.nowMs + this.#ms(4000));
      case "crashPromising":
        return this.#ambush.lay(fault, random, loop.nowMs + this.#ms(2000));
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
      case "diskFull":
        return this.#fill(node, random);
      case "diskFails":
        node.disk.failNext();
        return;
      case "transfer":
      case "transferTo":
        for (const leader of this.#leaders()) leader.transfer(...(fault === "transferTo" ? [node.id] : []));
        return;
      case "change":
        for (const leader of this.#leaders()) this.#change(leader, random, nodes);
        return;
      case "changeApart":
        for (const leader of this.#leaders()) this.#changeApart(leader, random);
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

  #fill(node: FaultyNode, random: Random): void {
    node.disk.fill({ refuses: random.next() < 0.5 });
    node.noteSpace?.();
    this.#parts.loop.at(this.#ms(200 + random.next() * 4000), () => {
      node.disk.free();
      node.noteSpace?.();
    });
  }

  #leaders(): FaultyNode[] {
    return this.#parts.nodes.filter((one) => one.driver?.core.state.role.is === "leader");
  }

  /** One disk at a time may lose what it promised; more is more than any quorum of three survives. */
  #othersAreWhole(node: FaultyNode): boolean {
    return this.#parts.nodes.every((other) => other === node || whole(other));
  }

  #change(leader: FaultyNode, random: Random, among: readonly FaultyNode[]): void {
    const ids = among.map((node) => node.id);
    leader.changeMembers?.(random, ids);
  }

  /** A leader changes the members while none but learners hear it. */
  #changeApart(leader: FaultyNode, random: Random): void {
    const { loop, network, nodes } = this.#parts;
    const { learners } = leader.driver!.core.state;
    const [here, there] = [[leader], []] as [FaultyNode[], FaultyNode[]];
    for (const node of nodes) if (node !== leader) (learners.includes(node.id) ? here : there).push(node);
    const links = here.flatMap((one) => there.map((other) => [one, other] as const));
    for (const [one, other] of links) this.#cut(one, other, { bothWays: true });
    this.#changeSoon(leader, random, nodes);
    // The others find a leader, which does not know of it and changes them too.
    this.#ambush.lay("hastyChanges", random, loop.nowMs + this.#ms(2000));
    loop.at(this.#ms(200 + random.next() * 2000), () => {
      for (const [one, other] of links) network.healLink(one.id, other.id);
    });
  }

  /** A new leader changes the members before it has reached all of them. */
  #changeHastily(leader: FaultyNode, random: Random): void {
    const { loop, network, nodes } = this.#parts;
    const unreached = nodes.filter(() => random.next() < 0.5);
    for (const other of unreached) this.#cut(leader, other, { bothWays: random.next() < 0.5 });
    this.#changeSoon(leader, random, unreached.length > 0 ? unreached : nodes);
    loop.at(this.#ms(100 + random.next() * 2000), () => {
      for (const other of unreached) network.healLink(leader.id, other.id);
    });
  }

  /** At once, and again a little later. */
  #changeSoon(leader: FaultyNode, random: Random, among: readonly FaultyNode[]): void {
    for (const withinMs of [1, 20, 60])
      this.#parts.loop.at(random.next() * withinMs, () => {
        if (!this.#stopped) this.#change(leader, random, among);
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

function whole({ driver, joining = false, disk }: FaultyNode): boolean {
  if (driver === null) return false;
  const { standing, term, floor, rollCall, draft, pending } = driver.core.state;
  if (joining && !disk.harmed && standing === "empty") return true;
  // What it took over from others counts once it is on its own disk.
  return standing === "voter" && term > 0 && !floor && !rollCall && draft === null && pending.length === 0;
}
