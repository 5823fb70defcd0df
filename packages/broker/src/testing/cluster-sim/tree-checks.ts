import { must } from "@odradek/kit/simulation";
import type { ServiceNode } from "@odradek/metadata/testing";

import type { BrokerNode, PartitionNode } from "../../cluster/nodes.ts";
import { lostRevision, paths } from "../../cluster/nodes.ts";

/** A partition's node, and when it was written. */
export type TreePartition = PartitionNode & { modifiedRevision: number; version: number };
export type TreeBroker = BrokerNode & { registeredRevision: number };

/** The coordination store as its most advanced member has it, and what must hold of partitions in every revision. */
export class TreeView {
  readonly #nodes: readonly ServiceNode[];
  readonly #topic: string;
  #revision = 0;
  #partitions: TreePartition[] = [];
  readonly #leaders = new Map<string, number>();

  constructor(nodes: readonly ServiceNode[], topic: string) {
    this.#nodes = nodes;
    this.#topic = topic;
  }

  get partitions(): readonly TreePartition[] {
    return this.#partitions;
  }

  /** Null while it is not registered. */
  broker(id: number): TreeBroker | null {
    const node = this.#newest()?.node(paths.liveBroker(id));
    if (node === undefined) return null;
    return { ...(JSON.parse(node.data.toString()) as BrokerNode), registeredRevision: node.modifiedRevision };
  }

  /** Whether the store knows of nothing since `modifiedRevision` that may have taken records from the broker. */
  isSure(id: number, modifiedRevision: number): boolean {
    const known = this.#newest()?.node(paths.knownBroker(id));
    return known === undefined || lostRevision(known) < modifiedRevision;
  }

  /** Takes the newest revision; true when there is one. */
  look(): boolean {
    const state = this.#newest();
    if (state === undefined || state.revision <= this.#revision) return false;
    this.#revision = state.revision;
    const partitions: TreePartition[] = [];
    for (let index = 0; ; index++) {
      const node = state.node(paths.partition(this.#topic, index));
      if (node === undefined) break;
      const partition = JSON.parse(node.data.toString()) as PartitionNode;
      partitions.push({ ...partition, modifiedRevision: node.modifiedRevision, version: node.version });
    }
    for (const [index, partition] of partitions.entries()) this.#check(index, partition);
    this.#partitions = partitions;
    return true;
  }

  #check(index: number, partition: TreePartition): void {
    const { replicas, leader, leaderEpoch, isr } = partition;
    const what = `revision ${this.#revision} of ${this.#topic}-${index}`;
    must(isr.length > 0, `${what}: nobody is in sync`);
    must(
      isr.every((id) => replicas.includes(id)),
      `${what}: a stranger is in sync`,
    );
    must(leader === -1 || isr.includes(leader), `${what}: its leader ${leader} is not in sync`);
    const before = this.#partitions[index];
    must(before === undefined || leaderEpoch >= before.leaderEpoch, `${what}: the leader epoch went back`);
    if (before !== undefined && partition.version === before.version + 1) checkMove(what, before, partition);
    const key = `${index} ${leaderEpoch}`;
    const known = this.#leaders.get(key) ?? leader;
    must(known === leader, `${what}: ${known} and ${leader} both lead epoch ${leaderEpoch}`);
    this.#leaders.set(key, leader);
  }

  #newest() {
    let newest: NonNullable<ServiceNode["node"]>["machine"]["state"] | undefined;
    for (const { node } of this.#nodes)
      if (node && (newest === undefined || node.machine.state.revision > newest.revision)) newest = node.machine.state;
    return newest;
  }
}

/** A move that has just ended has all its new replicas in sync and a new leader epoch (P-20). */
function checkMove(what: string, before: TreePartition, now: TreePartition): void {
  const arrived = (before.adding ?? []).filter((id) => now.adding === undefined && now.replicas.includes(id));
  must(
    arrived.every((id) => now.isr.includes(id)),
    `${what}: the move is over, and of ${arrived.join()} only ${now.isr.join()} are in sync`,
  );
  const isOver = before.removing?.some((id) => !now.replicas.includes(id)) === true;
  must(!isOver || now.leaderEpoch > before.leaderEpoch, `${what}: replicas are gone, and the leader epoch is the same`);
}
