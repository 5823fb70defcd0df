import type { Random } from "@odradek/kit";
import type { EventLoop } from "@odradek/kit/simulation";

import type { Message } from "../peers/messages.ts";
import type { FaultyNetwork, FaultyNode } from "./sim-faults.ts";

/**
 * Harm that waits for what a node says. crashVoter: some of those who vote lose their memory at once. crashElected: new leaders die at once,
 * perhaps before their own vote is durable. crashPromising: nodes lose their memory right after they acknowledged something, or made a commit known.
 * shortReigns: new leaders die before they get far. hastyChanges: new leaders are asked for other members.
 */
export type AmbushFault = "crashVoter" | "crashElected" | "crashPromising" | "shortReigns" | "hastyChanges";

type Parts = {
  loop: EventLoop;
  network: FaultyNetwork;
  nodes: readonly FaultyNode[];
  crash: (node: FaultyNode, random: Random) => void;
  cut: (from: FaultyNode, to: FaultyNode) => void;
  /** A new leader sends its first append, and is to change the members. */
  elected: (leader: FaultyNode, random: Random) => void;
};

export class Ambush {
  readonly #parts: Parts;
  readonly #laid = new Map<AmbushFault, { random: Random; untilMs: number }>();
  #lastTerm = 0;
  #lastCommit = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  lay(fault: AmbushFault, random: Random, untilMs: number): void {
    this.#laid.set(fault, { random, untilMs });
  }

  /** Sees every message that leaves. */
  sent(from: number, message: Message): void {
    const node = this.#parts.nodes.find((one) => one.id === from)!;
    if (message.is === "append") this.#appendSent(node, message);
    if (message.is === "appendReply" && !message.rejected) this.#promised(node, 0.02);
    const voters = this.#chance("crashVoter");
    if (!voters) return;
    if (message.is === "voteReply" && message.granted && voters.next() < 0.3) this.#crashSoon(node, voters, 0.5);
    if (message.is === "vote" && voters.next() < 0.1) this.#crashSoon(node, voters, voters.next() < 0.5 ? 1 : 50);
  }

  #appendSent(leader: FaultyNode, { term, commit }: Extract<Message, { is: "append" }>): void {
    if (term > this.#lastTerm) {
      this.#lastTerm = term;
      this.#electedNow(leader);
    }
    if (commit <= this.#lastCommit) return;
    this.#lastCommit = commit;
    this.#promised(leader, 0.1);
  }

  #electedNow(leader: FaultyNode): void {
    const reigns = this.#chance("shortReigns");
    if (reigns && reigns.next() < 0.7) this.#endReign(leader, reigns);
    const elected = this.#chance("crashElected");
    if (elected && elected.next() < 0.5) this.#crashSoon(leader, elected, 1);
    const hasty = this.#chance("hastyChanges");
    if (hasty) this.#parts.elected(leader, hasty);
  }

  /** What a leader that dies soon has sent has often reached few (Raft figure 8). */
  #endReign(leader: FaultyNode, random: Random): void {
    const { loop, network, nodes, crash, cut } = this.#parts;
    const unreached = random.next() < 0.5 ? nodes.filter(() => random.next() < 0.7) : [];
    for (const other of unreached) cut(leader, other);
    loop.at(random.next() * 80, () => {
      crash(leader, random);
      for (const other of unreached) network.healLink(leader.id, other.id);
    });
  }

  #promised(node: FaultyNode, probability: number): void {
    const random = this.#chance("crashPromising");
    if (!random || random.next() >= probability) return;
    this.#crashSoon(node, random, 0.5);
    if (random.next() < 0.5) for (const other of this.#parts.nodes) this.#crashSoon(other, random, 0.5);
  }

  /** Null: no such ambush is laid now. */
  #chance(fault: AmbushFault): Random | null {
    const laid = this.#laid.get(fault);
    return laid && this.#parts.loop.nowMs < laid.untilMs ? laid.random : null;
  }

  #crashSoon(node: FaultyNode, random: Random, withinMs: number): void {
    this.#parts.loop.at(random.next() * withinMs, () => this.#parts.crash(node, random));
  }
}
