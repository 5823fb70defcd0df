import type { Cancel, Clock, Logger, Random, Rpc, RpcServer, RpcStream } from "@odradek/kit";

import type { Cluster } from "../store/write.ts";
import type { PeerLinks } from "./links.ts";
import type { Message } from "./messages.ts";
import { isForeign, Outgoing } from "./outgoing.ts";
import { type Frame, type Introduction, talk, type Welcome } from "./wire.ts";

/** Strangers may give any number of names: then some are complained of again. */
const complaintsMax = 64;
/** So long a removed member is still reached: the leader tells it, and its own questions are answered. */
const farewellMs = 15_000;

type Parts = {
  id: number;
  /** Whom to talk to before a cluster is known, and where the founders are: this node among them. */
  members: readonly { id: number; address: string }[];
  server: RpcServer;
  rpc: Rpc;
  clock: Clock;
  random: Random;
  logger: Logger;
};

/**
 * Links over the port `Rpc`: one stream per direction and pair. Registers with `server`, which the caller lets listen afterwards. Streams of
 * another cluster are refused; so is whoever knows of no cluster and is no member of ours.
 */
export class RpcLinks implements PeerLinks {
  onMessage: (from: number, message: Message) => void = () => {};
  onDied: (peer: number) => void = () => {};
  readonly #parts: Parts;
  readonly #boot: string;
  readonly #configured: ReadonlyMap<number, string>;
  readonly #outgoing = new Map<number, Outgoing>();
  #cluster: Cluster | null = null;
  #farewell: Cancel = () => {};
  #closed = false;
  /** Who was turned away, and why: said once, not at each of its dials. */
  readonly #complaints = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#boot = parts.random.bytes(12).toString("base64url");
    this.#configured = new Map(parts.members.map(({ id, address }) => [id, address]));
    parts.server.accept(talk, (stream) => this.#accept(stream));
    for (const [id, address] of this.#configured) this.#reach(id, [address]);
  }

  send(to: number, message: Message): void {
    this.#outgoing.get(to)?.send(message);
  }

  reaches(peer: number): boolean {
    return this.#outgoing.get(peer)?.isWelcome ?? false;
  }

  /**
   * An address in the log is newer than what was configured, its member was added since, and is dialled first. But every process may have been
   * started anew with other addresses, and then the log can't tell of them before a leader is found.
   */
  reconfigure(cluster: Cluster): void {
    if (this.#closed) return;
    this.#cluster = cluster;
    const { members, learners = [], addresses = {} } = cluster;
    for (const id of [...members, ...learners]) {
      const known = [addresses[id], this.#configured.get(id)].filter((address) => address !== undefined);
      if (known.length > 0) this.#reach(id, [...new Set(known)]);
      else this.#parts.logger.error({ evt: "no_address", member: id }, "--peers must tell where this member is");
    }
    this.#farewell();
    this.#farewell = this.#parts.clock.timer(farewellMs, () => {
      for (const id of this.#outgoing.keys()) if (!this.#isMember(id)) this.#forget(id);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#farewell();
    for (const outgoing of this.#outgoing.values()) outgoing.close();
    return Promise.resolve();
  }

  #isMember(id: number): boolean {
    if (this.#cluster === null) return this.#configured.has(id);
    const { members, learners = [] } = this.#cluster;
    return members.includes(id) || learners.includes(id);
  }

  #reach(peer: number, addresses: readonly string[]): void {
    const { id, rpc, clock, random, logger } = this.#parts;
    if (peer === id || this.#outgoing.get(peer)?.leadsTo(addresses)) return;
    this.#forget(peer);
    const introduction = (): Introduction => this.#introduction(peer);
    const places = addresses.map((address) => ({ address, client: rpc.client(address) }));
    const parts = { peer, places, clock, random, logger, introduction };
    this.#outgoing.set(peer, new Outgoing(parts, () => this.onDied(peer)));
  }

  #forget(peer: number): void {
    this.#outgoing.get(peer)?.close();
    this.#outgoing.delete(peer);
  }

  #introduction(to: number): Introduction {
    const { id: from } = this.#parts;
    return { is: "introduction", from, to, clusterId: this.#clusterId, address: this.#configured.get(from) ?? "" };
  }

  get #clusterId(): string {
    return this.#cluster?.id ?? "";
  }

  #accept(stream: RpcStream<Welcome, Frame>): void {
    let from: number | null = null;
    stream.onMessage = (frame) => {
      if (this.#closed) return stream.cancel();
      if (frame.is !== "introduction") return from === null ? stream.cancel() : this.onMessage(from, frame);
      if (!this.#mayTalk(stream, frame)) return stream.end();
      ({ from } = frame);
      // Added by entries that we do not have yet: we could not answer it otherwise.
      if (!this.#outgoing.has(from) && frame.address !== "") this.#reach(from, [frame.address]);
    };
    stream.onEnded = () => {
      if (from !== null && !this.#isMember(from)) this.#forget(from);
    };
  }

  #mayTalk(stream: RpcStream<Welcome, Frame>, { from, to, clusterId }: Introduction): boolean {
    const { id } = this.#parts;
    const welcome = (): boolean => stream.send({ id, boot: this.#boot, clusterId: this.#clusterId });
    if (to !== id || from === id || isForeign(this.#clusterId, clusterId)) {
      this.#complain({ from, to, cluster: clusterId });
      welcome();
      return false;
    }
    // A new node knocks until it is added.
    if (clusterId === "" && !this.#isMember(from)) return false;
    welcome();
    return true;
  }

  #complain(stream: { from: number; to: number; cluster: string }): void {
    const complaint = JSON.stringify(stream);
    if (this.#complaints.has(complaint)) return;
    if (this.#complaints.size >= complaintsMax) this.#complaints.clear();
    this.#complaints.add(complaint);
    this.#parts.logger.warn({ evt: "wrong_peer", ...stream }, "a stream for another member, or of another cluster");
  }
}
