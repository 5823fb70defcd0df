import type { Clock, Logger, Rpc, RpcClient } from "@odradek/kit";

import type { Peer } from "../partition/assignment.ts";
import type { Partition } from "../partition/partition.ts";
import { Fetcher } from "./fetcher.ts";

type Dialled = { peer: Peer; incarnation: string; client: RpcClient; fetcher: Fetcher };

/** One fetcher for each broker that leads something we follow, as the newest picture says who and where they are. */
export class Fetchers {
  readonly #options: { brokerId: number; rpc: Rpc; clock: Clock; logger: Logger };
  readonly #dialled = new Map<number, Dialled>();
  readonly #leaderOf = new Map<Partition, number>();
  #peers: ReadonlyMap<number, Peer> = new Map();

  constructor(options: { brokerId: number; rpc: Rpc; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  get peers(): ReadonlyMap<number, Peer> {
    return this.#peers;
  }

  /** Takes the live brokers. Returns whether any of them changed. */
  update(peers: ReadonlyMap<number, Peer>): boolean {
    const before = this.#peers;
    this.#peers = peers;
    const changed = peers.size !== before.size || [...peers].some(([id, peer]) => !isSame(peer, before.get(id)));
    if (!changed) return false;
    const incarnation = this.#incarnation;
    for (const [id, dialled] of this.#dialled)
      if (dialled.incarnation !== incarnation || !isSame(dialled.peer, peers.get(id))) this.#hangUp(id);
    for (const partition of this.#leaderOf.keys()) this.route(partition);
    return true;
  }

  /** Brings the partition to the fetcher of its leader, or to none. */
  route(partition: Partition): void {
    const follower = partition.following;
    const leader = follower?.leader ?? -1;
    const before = this.#leaderOf.get(partition) ?? -1;
    if (before !== leader) this.#leave(partition, before);
    if (follower === null || leader < 0) {
      this.#leaderOf.delete(partition);
      return;
    }
    this.#leaderOf.set(partition, leader);
    const peer = this.#peers.get(leader);
    if (peer !== undefined) this.#dial(peer).fetcher.follow(partition, follower);
  }

  /** The partition is closed. */
  forget(partition: Partition): void {
    this.#leave(partition, this.#leaderOf.get(partition) ?? -1);
    this.#leaderOf.delete(partition);
  }

  /** Whether this leader's stream has just broken. */
  isSuspect(leader: number): boolean {
    return this.#dialled.get(leader)?.fetcher.isSuspect ?? false;
  }

  close(): void {
    for (const id of [...this.#dialled.keys()]) this.#hangUp(id);
    this.#leaderOf.clear();
  }

  get #incarnation(): string {
    return this.#peers.get(this.#options.brokerId)?.incarnation ?? "";
  }

  #leave(partition: Partition, leader: number): void {
    const dialled = this.#dialled.get(leader);
    dialled?.fetcher.unfollow(partition);
    if (dialled?.fetcher.isIdle) this.#hangUp(leader);
  }

  #dial(peer: Peer): Dialled {
    const present = this.#dialled.get(peer.id);
    if (present !== undefined) return present;
    const { brokerId, rpc, clock, logger } = this.#options;
    const incarnation = this.#incarnation;
    const client = rpc.client(peer.grpcAddress);
    const fetcher = new Fetcher({ brokerId, incarnation, leader: peer.id, client, clock, logger });
    const dialled = { peer, incarnation, client, fetcher };
    this.#dialled.set(peer.id, dialled);
    return dialled;
  }

  #hangUp(id: number): void {
    const dialled = this.#dialled.get(id);
    this.#dialled.delete(id);
    dialled?.fetcher.close();
    dialled?.client.close();
  }
}

const isSame = (one: Peer, other: Peer | undefined): boolean =>
  other !== undefined &&
  one.grpcAddress === other.grpcAddress &&
  one.incarnation === other.incarnation &&
  one.shuttingDown === other.shuttingDown;
